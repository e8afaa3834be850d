/**
 * What a path of the API takes and gives, read from the generated description: `` `/sites/${id}/tree` `` is matched
 * piece by piece with `/sites/{id}/tree`, so that a wrong path, query, body or a wrong use of the answer does not compile.
 */

import type { Answer } from './answer';
import type { paths } from './schema';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** `{id}` in the description takes any piece; a word takes itself. */
type PieceFits<Said, Piece> = Piece extends `{${string}}` ? true : Said extends Piece ? true : false;

type Fits<Said, Path> = Said extends `${infer SaidPiece}/${infer SaidRest}`
  ? Path extends `${infer Piece}/${infer Rest}`
    ? PieceFits<SaidPiece, Piece> extends true
      ? Fits<SaidRest, Rest>
      : false
    : false
  : Path extends `${string}/${string}`
    ? false
    : PieceFits<Said, Path>;

/** The described paths with this method. */
type PathsWith<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never }[keyof paths];

/** A described path with its parameters filled in. */
type Filled<P extends string> = P extends `${infer Head}{${string}}${infer Tail}` ? `${Head}${string | number}${Filled<Tail>}` : P;
export type Address<M extends Method> = Filled<PathsWith<M>>;

type Operation<S extends string, M extends Method> = S extends string
  ? { [P in PathsWith<M>]: Fits<S, P> extends true ? (paths[P] extends Record<M, infer O> ? O : never) : never }[PathsWith<M>]
  : never;

type Content<R> = R extends { content: { 'application/json': infer C } } ? Answer<C> : R extends { content: { 'application/geo+json': infer C } } ? C : undefined;
type Good<R> = R extends { 200: infer A } ? Content<A> : R extends { 201: infer A } ? Content<A> : undefined;

/** What comes back when it went well; nothing for 204. */
export type Reply<S extends string, M extends Method> = Operation<S, M> extends { responses: infer R } ? Good<R> : never;

/** What can be asked for behind the `?`. */
export type Query<S extends string, M extends Method> = Operation<S, M> extends { parameters: { query?: infer Q } } ? NonNullable<Q> : Record<string, never>;

/** What is sent along. */
export type Body<S extends string, M extends Method> = Operation<S, M> extends { requestBody: { content: { 'application/json': infer B } } }
  ? B
  : Operation<S, M> extends { requestBody?: { content: { 'application/json': infer B } } }
    ? B | undefined
    : undefined;
