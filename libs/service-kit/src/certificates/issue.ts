import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import { bits, identifier, integer, octets, sequence, set, tagged, time, truth, utf8 } from './der.js';

/** A certificate and its private key, in PEM. */
export interface IssuedCertificate {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate is to say. */
export interface CertificateRequest {
  /** Common name of its subject. */
  readonly commonName: string;
  /** DNS names and IP addresses under which the server is called. */
  readonly names?: readonly string[];
  /** Default 365. */
  readonly days?: number;
  /** Begin of its validity; default five minutes ago, for clocks that are late. */
  readonly from?: Date;
}

const ecdsaWithSha256 = sequence(identifier('1.2.840.10045.4.3.2'));
const dayMs = 86_400_000;

/** A certificate authority of one's own: a self-signed ECDSA P-256 certificate that may sign others, and none below them. */
export function issueAuthority(request: CertificateRequest): IssuedCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keyId = keyIdOf(publicKey);
  return issue(request, publicKey, privateKey, distinguishedName(request.commonName), privateKey, [
    extension('2.5.29.19', true, sequence(truth(), integer(Buffer.from([0])))),
    // keyCertSign, cRLSign
    extension('2.5.29.15', true, bits(Buffer.from([0b0000_0110]), 1)),
    extension('2.5.29.14', false, octets(keyId)),
  ]);
}

/** A certificate for a server and a client at once, signed by `authority`. */
export function issueCertificate(
  request: CertificateRequest,
  authority: IssuedCertificate,
): IssuedCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = new X509Certificate(authority.cert);
  const names = request.names ?? [];
  return issue(
    request,
    publicKey,
    privateKey,
    distinguishedName(/^CN=(.*)$/m.exec(issuer.subject)?.[1] ?? ''),
    createPrivateKey(authority.key),
    [
      extension('2.5.29.19', true, sequence()),
      // digitalSignature
      extension('2.5.29.15', true, bits(Buffer.from([0b1000_0000]), 7)),
      // serverAuth, clientAuth
      extension(
        '2.5.29.37',
        false,
        sequence(identifier('1.3.6.1.5.5.7.3.1'), identifier('1.3.6.1.5.5.7.3.2')),
      ),
      extension('2.5.29.14', false, octets(keyIdOf(publicKey))),
      extension('2.5.29.35', false, sequence(tagged(0x80, keyIdOf(issuer.publicKey)))),
      ...(names.length === 0 ? [] : [extension('2.5.29.17', false, sequence(...names.map(alternativeName)))]),
    ],
  );
}

function issue(
  request: CertificateRequest,
  publicKey: KeyObject,
  privateKey: KeyObject,
  issuerName: Buffer,
  issuerKey: KeyObject,
  extensions: readonly Buffer[],
): IssuedCertificate {
  const from = request.from ?? new Date(Date.now() - 300_000);
  const until = new Date(from.getTime() + (request.days ?? 365) * dayMs);
  // 127 random bits: positive, and never given twice.
  const serial = randomBytes(16);
  serial[0] = (serial[0] ?? 0) & 0x7f;
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    ecdsaWithSha256,
    issuerName,
    sequence(time(from), time(until)),
    distinguishedName(request.commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions)),
  );
  const certificate = sequence(body, ecdsaWithSha256, bits(sign('sha256', body, issuerKey)));
  return {
    cert: pem('CERTIFICATE', certificate),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(identifier('2.5.4.3'), utf8(commonName))));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(identifier(id), ...(critical ? [truth()] : []), octets(value));
}

/** dNSName or iPAddress of a subject alternative name. */
function alternativeName(name: string): Buffer {
  if (isIP(name) === 0) return tagged(0x82, Buffer.from(name, 'ascii'));
  return tagged(0x87, isIPv4(name) ? Buffer.from(name.split('.').map(Number)) : ipv6Bytes(name));
}

function ipv6Bytes(address: string): Buffer {
  // The URL parser writes an address in full but for one run of zeros.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string | undefined): string[] =>
    text === undefined || text === '' ? [] : text.split(':');
  const [before, after] = [groups(head), groups(tail)];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return Buffer.from(
    [...before, ...zeros, ...after].flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}

/** SHA-1 of the public key's bits: a name for the key, not a signature (RFC 5280, 4.2.1.2). */
function keyIdOf(publicKey: KeyObject): Buffer {
  // The last 65 bytes of a P-256 key in SPKI form are its uncompressed point.
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
  return createHash('sha1').update(point).digest();
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
