import { afterEach, describe, expect, it, vi } from 'vitest';
import { http, queryString, setCsrfToken } from './http';
import { asProblem, Problem } from './problem';

const answer = (status: number, body: unknown, headers: Record<string, string> = {}): void => {
  vi.stubGlobal('fetch', vi.fn(() => Promise.resolve(new Response(body === null ? null : JSON.stringify(body), { status, headers }))));
};
afterEach(() => vi.unstubAllGlobals());

describe('http', () => {
  it('leaves empty filters out of the address', () => {
    expect(queryString({ a: 1, b: '', c: null, d: ['x', 'y'], e: undefined, f: [] })).toBe('?a=1&d=x%2Cy');
    expect(queryString({})).toBe('');
  });
  it('sends the CSRF token with what changes something, and only then', async () => {
    setCsrfToken('token');
    answer(204, null);
    await http.delete('/session');
    expect(vi.mocked(fetch).mock.calls[0]?.[1]?.headers).toMatchObject({ 'x-csrf-token': 'token' });
    answer(200, {});
    await http.get('/session');
    expect(vi.mocked(fetch).mock.calls[0]?.[1]?.headers).not.toHaveProperty('x-csrf-token');
  });
  it('throws what the server says', async () => {
    answer(422, { code: 'invalid', title: 't', detail: 'd', request_id: 'r', errors: [{ field: 'name', code: 'required', message: 'm' }, 7] });
    const problem = asProblem(await http.post('/session', { login: 'a', password: 'b' }).catch((error: unknown) => error));
    expect(problem).toMatchObject({ status: 422, code: 'invalid', requestId: 'r' });
    expect(problem.field('name')?.code).toBe('required');
    expect(problem.errors).toHaveLength(1);
  });
  it('makes sense of answers that are no problem document', async () => {
    answer(429, null, { 'retry-after': '30' });
    expect(await http.get('/session').catch((error: unknown) => error)).toMatchObject({ code: 'rate_limited', retryAfterS: 30 });
    answer(502, null);
    expect(await http.get('/session').catch((error: unknown) => error)).toMatchObject({ code: 'unavailable' });
    expect(asProblem(new TypeError('failed to fetch'))).toBeInstanceOf(Problem);
    expect(asProblem(new TypeError('failed to fetch')).code).toBe('unreachable');
  });
});
