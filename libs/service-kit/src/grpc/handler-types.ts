import type { CallContext } from './call-context.js';

/** One request, one response. May answer at once or with a promise. */
export type UnaryHandler<Req, Res> = (request: Req, context: CallContext) => Promise<Res> | Res;

/** One request, many responses; an async generator. It is not asked for more than the caller takes. */
export type ServerStreamHandler<Req, Res> = (request: Req, context: CallContext) => AsyncIterable<Res>;

/** Many requests, one response. Not reading `requests` holds the caller back. */
export type ClientStreamHandler<Req, Res> = (
  requests: AsyncIterable<Req>,
  context: CallContext,
) => Promise<Res>;

/** Many requests, many responses, independent of each other. */
export type BidiHandler<Req, Res> = (
  requests: AsyncIterable<Req>,
  context: CallContext,
) => AsyncIterable<Res>;
