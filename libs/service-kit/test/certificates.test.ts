import { spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

import { issueAuthority, issueCertificate } from '../src/certificates/index.js';

const folder = mkdtempSync(join(tmpdir(), 'rookery-certificates-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('certificates of one’s own authority', () => {
  const authority = issueAuthority({ commonName: 'Rookery test' });
  const issuer = new X509Certificate(authority.cert);

  it('are signed by it, for the names and the key they are given with', () => {
    const { cert, key } = issueCertificate(
      { commonName: 'registry', names: ['registry', 'localhost', '127.0.0.1', '::1', '2001:db8::ff:1'] },
      authority,
    );
    const certificate = new X509Certificate(cert);
    expect(issuer.ca).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.verify(issuer.publicKey)).toBe(true);
    expect(certificate.checkIssued(issuer)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(certificate.subject).toBe('CN=registry');
    expect(certificate.checkHost('registry')).toBe('registry');
    expect(certificate.checkHost('monitor')).toBeUndefined();
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkIP('::1')).toBe('::1');
    expect(certificate.checkIP('2001:db8::ff:1')).toBe('2001:db8::ff:1');
    expect(certificate.checkIP('127.0.0.2')).toBeUndefined();
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  });

  it('are valid from and until when they should be, across 2050', () => {
    const from = new Date('2049-06-01T12:30:45Z');
    const certificate = new X509Certificate(
      issueCertificate({ commonName: 'x', from, days: 400 }, authority).cert,
    );
    expect(new Date(certificate.validFrom)).toEqual(from);
    expect(new Date(certificate.validTo)).toEqual(new Date('2050-07-06T12:30:45Z'));
  });

  it('keep any name that fits, whatever its length', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z][a-z0-9-]{0,60}$/),
        fc.array(fc.ipV4(), { maxLength: 20 }),
        (name, ips) => {
          const certificate = new X509Certificate(
            issueCertificate({ commonName: name, names: [name, ...ips] }, authority).cert,
          );
          expect(certificate.subject).toBe(`CN=${name}`);
          for (const ip of ips) expect(certificate.checkIP(ip)).toBe(ip);
          expect(certificate.verify(issuer.publicKey)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
  it.skipIf(!hasOpenssl)('are accepted by openssl, with every check on', () => {
    const leaf = issueCertificate({ commonName: 'registry', names: ['registry'] }, authority);
    writeFileSync(join(folder, 'ca.pem'), authority.cert);
    writeFileSync(join(folder, 'leaf.pem'), leaf.cert);
    for (const purpose of ['sslserver', 'sslclient']) {
      const { stdout, stderr } = spawnSync(
        'openssl',
        [
          'verify',
          '-x509_strict',
          '-purpose',
          purpose,
          '-verify_hostname',
          'registry',
          '-CAfile',
          'ca.pem',
          'leaf.pem',
        ],
        { cwd: folder, encoding: 'utf8' },
      );
      expect(stdout + stderr).toBe('leaf.pem: OK\n');
    }
  });
});
