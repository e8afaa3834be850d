/** A message file: texts, possibly grouped. `{name}` is a placeholder, ` | ` parts singular and plural. */
export interface Words {
  [key: string]: string | Words;
}
