import type { IncomingMessage } from 'node:http';
import { TerminalError } from '@rookery/contracts';

const maxBytes = 64 * 1024;

/**
 * The JSON body of a request. It must say that it is JSON (RK_REQUEST_INVALID): a page of another site can't send that
 * without asking first. At most 64 KiB (RK_MESSAGE_TOO_LARGE); RK_MESSAGE_MALFORMED for anything else.
 */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new TerminalError('RK_REQUEST_INVALID', 'The body is not declared as JSON', {
      hint: 'Send content-type: application/json.',
    });
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes)
      throw new TerminalError('RK_MESSAGE_TOO_LARGE', `The body has more than ${maxBytes} bytes`, {
        hint: 'Send less.',
      });
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw new TerminalError('RK_MESSAGE_MALFORMED', 'The body is not valid JSON', {
      hint: 'Send a JSON object such as {}.',
    });
  }
}
