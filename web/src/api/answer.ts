/**
 * Turns the generated shapes into what answers really look like. The description marks a field that may be null as one
 * that may be missing too; the server always writes it, as null. What is only optional stays so.
 */
export type Answer<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends readonly unknown[]
      ? { [K in keyof T]: Answer<T[K]> }
      : { [K in keyof T as null extends T[K] ? K : never]-?: Answer<Exclude<T[K], undefined>> } & {
          [K in keyof T as null extends T[K] ? never : K]: Answer<T[K]>;
        };
