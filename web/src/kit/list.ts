/** What a list needs to be told; see ListFrame.vue. */

export interface Column {
  key: string;
  /** Heading, already in the reader's language. */
  title: string;
  /** Field name for `sort=`; without it the column cannot be sorted by. */
  sort?: string;
  width?: string;
  align?: 'end';
  /** Shown from this shape on; narrower windows leave it out. */
  from?: 'pc';
  /** Cannot be switched off. */
  always?: boolean;
  /** Off until the reader switches it on. */
  off?: boolean;
}
