/** A message file: texts, possibly grouped. `{name}` is a placeholder, ` | ` parts singular and plural. */
export interface Words {
  [key: string]: string | Words;
}

/** Message files as one; a file's name is the first part of its keys. */
export function gathered(files: Record<string, Words>): Record<string, Words> {
  return Object.fromEntries(Object.entries(files).map(([path, file]) => [path.replace(/^.*\/(.*)\.ts$/, '$1'), file]));
}
