/** What the API answers when it refuses (RFC 9457), as an error that views can show. */

export interface FieldProblem {
  field: string;
  code: string;
  message: string;
  params?: Record<string, unknown>;
}

export class Problem extends Error {
  readonly status: number;
  /** Stable word for the kind of refusal; the words of each language hang on it. */
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly requestId: string | null;
  readonly errors: FieldProblem[];
  /** Seconds until another try can help, when the server says so. */
  readonly retryAfterS: number | null;

  constructor(parts: {
    status: number;
    code: string;
    title?: string;
    detail?: string;
    requestId?: string | null;
    errors?: FieldProblem[];
    retryAfterS?: number | null;
  }) {
    super(parts.detail ?? parts.title ?? parts.code);
    this.name = 'Problem';
    this.status = parts.status;
    this.code = parts.code;
    this.title = parts.title ?? '';
    this.detail = parts.detail ?? '';
    this.requestId = parts.requestId ?? null;
    this.errors = parts.errors ?? [];
    this.retryAfterS = parts.retryAfterS ?? null;
  }

  field(name: string): FieldProblem | undefined {
    return this.errors.find((error) => error.field === name);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function isFieldProblem(value: unknown): value is FieldProblem {
  return isRecord(value) && typeof value['field'] === 'string' && typeof value['code'] === 'string';
}

/** Codes for answers that carry no problem document (a proxy in between, a server that is starting). */
function codeOfStatus(status: number): string {
  if (status === 401) return 'unauthenticated';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not_found';
  if (status === 409) return 'conflict';
  if (status === 422) return 'invalid';
  if (status === 429) return 'rate_limited';
  return 'unavailable';
}

export function problemOf(response: Response, body: unknown): Problem {
  const document = isRecord(body) ? body : {};
  const retry = document['retry_after_s'] ?? Number(response.headers.get('retry-after') ?? Number.NaN);
  const errors = document['errors'];
  return new Problem({
    status: response.status,
    code: text(document['code']) ?? codeOfStatus(response.status),
    title: text(document['title']),
    detail: text(document['detail']),
    requestId: text(document['request_id']) ?? response.headers.get('x-request-id'),
    errors: Array.isArray(errors) ? errors.filter(isFieldProblem) : [],
    retryAfterS: typeof retry === 'number' && Number.isFinite(retry) ? retry : null,
  });
}

/** Any thrown thing as a problem: what is not an answer of the server is a broken way to it. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem({ status: 0, code: 'unreachable', detail: error instanceof Error ? error.message : String(error) });
}
