import { get as getPlain } from 'node:http';
import { get as getEncrypted } from 'node:https';
import type { Peers } from './peers.js';
import { contextOf } from './tls-files.js';

/** Status of a GET at `address` (host:port), with TLS where `peers` say so; undefined where nothing answers within a second. */
export function httpStatus(address: string, path: string, peers: Peers): Promise<number | undefined> {
  const { files } = peers;
  const scheme = files === undefined ? 'http' : 'https';
  const options = { timeout: 1_000, agent: false, ...(files === undefined ? {} : contextOf(files.material)) };
  return new Promise((resolve) => {
    const call = (files === undefined ? getPlain : getEncrypted)(
      `${scheme}://${address}${path}`,
      options,
      (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      },
    );
    call.once('timeout', () => call.destroy(new Error('no answer')));
    call.once('error', () => {
      resolve(undefined);
    });
  });
}
