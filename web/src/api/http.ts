/** The one way to the server: same origin, session cookie, CSRF header on everything that changes something. */

import type { Address, Body, Query, Reply } from './contract';
import { lastKnownMs } from '@/app/installed';
import { LAST_KNOWN_HEADER } from '@/worker/lastKnown';
import { Problem, problemOf } from './problem';

const BASE = '/api/v1';

export type QueryValue = string | number | boolean | null | undefined | readonly (string | number)[];

let csrfToken: string | null = null;
const listeners = new Set<(problem: Problem) => void>();

export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** Told about every refusal that concerns the session itself, whichever call met it. */
export function onSessionProblem(listener: (problem: Problem) => void): void {
  listeners.add(listener);
}

/** `{a: 1, b: ['x','y'], c: ''}` -> `?a=1&b=x%2Cy`; empty values are left out. */
export function queryString(query: Record<string, QueryValue> | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === null || value === undefined || value === '') continue;
    const said = Array.isArray(value) ? value.join(',') : String(value);
    if (said !== '') parameters.set(name, said);
  }
  const said = parameters.toString();
  return said === '' ? '' : `?${said}`;
}

export function addressOf(path: string, query?: Record<string, QueryValue>): string {
  return `${BASE}${path}${queryString(query)}`;
}

async function send<T>(method: string, path: string, options: Options): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  // The browser writes the header of a form itself, with the boundary in it.
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  if (method !== 'GET' && csrfToken !== null) headers['x-csrf-token'] = csrfToken;
  const response = await fetch(addressOf(path, options.query), {
    method,
    headers,
    credentials: 'same-origin',
    body: options.form ?? (options.body === undefined ? null : JSON.stringify(options.body)),
    signal: options.signal ?? null,
  });
  const lastKnown = response.headers.get(LAST_KNOWN_HEADER);
  if (lastKnown === null) lastKnownMs.value = null;
  else lastKnownMs.value = Math.min(lastKnownMs.value ?? Infinity, Date.parse(lastKnown) || 0);
  if (response.ok && options.blob === true) return (await response.blob()) as T;
  const said = await response.text();
  let body: unknown = null;
  try {
    body = said === '' ? null : JSON.parse(said);
  } catch {
    body = null;
  }
  if (!response.ok) {
    const problem = problemOf(response, body);
    if (problem.code === 'unauthenticated' || problem.code === 'password_change_required') {
      for (const listener of listeners) listener(problem);
    }
    throw problem;
  }
  return body as T;
}

interface Options {
  query?: Record<string, QueryValue> | undefined;
  body?: unknown;
  form?: FormData;
  /** The answer is a file. */
  blob?: boolean;
  signal?: AbortSignal | undefined;
}

/** The described filters by name; what is empty or null is left out, lists are joined by commas. */
export type Filters<S extends string> = { [K in keyof Query<S, 'get'>]?: Query<S, 'get'>[K] | QueryValue };

/** Paths, filters, bodies and answers are checked against the generated description; see contract.ts. */
export const http = {
  get: <S extends Address<'get'>>(path: S, query?: Filters<S>, signal?: AbortSignal) => send<Reply<S, 'get'>>('GET', path, { query: query as Record<string, QueryValue> | undefined, signal }),
  post: <S extends Address<'post'>>(path: S, body?: Body<S, 'post'>) => send<Reply<S, 'post'>>('POST', path, { body: body ?? {} }),
  put: <S extends Address<'put'>>(path: S, body: Body<S, 'put'>) => send<Reply<S, 'put'>>('PUT', path, { body }),
  patch: <S extends Address<'patch'>>(path: S, body: Body<S, 'patch'>) => send<Reply<S, 'patch'>>('PATCH', path, { body }),
  /** A form with a file; its parts are not described field by field, so the answer's type is the caller's word. */
  upload: <T>(path: Address<'post'>, form: FormData, query?: Record<string, QueryValue>) => send<T>('POST', path, { form, query }),
  uploadForFile: (path: Address<'post'>, form: FormData, query?: Record<string, QueryValue>) => send<Blob>('POST', path, { form, query, blob: true }),
  delete: <S extends Address<'delete'>>(path: S) => send<Reply<S, 'delete'>>('DELETE', path, {}),
};
