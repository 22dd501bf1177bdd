import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { issueAuthority, issueCertificate } from '@rookery/service-kit/certificates';
import type { IssuedCertificate } from '@rookery/service-kit/certificates';
import { Command } from 'commander';

import { countOption } from '../number-option.js';

/** `rookery certs`: certificates for all services, signed by an authority of one's own. */
export function certsCommand(): Command {
  return new Command('certs')
    .description('Make certificates for the services, and the authority that signs them')
    .argument('<names...>', 'a certificate for each: its common name, and a DNS name of its server')
    .requiredOption('--out <folder>', 'folder for ca.pem, ca.key and <name>.pem, <name>.key')
    .option(
      '--hosts <names>',
      'more DNS names and addresses of every server, with commas',
      'localhost,127.0.0.1,::1',
    )
    .option('--days <days>', 'how long they are valid', '90')
    .action((names: string[], flags: { out: string; hosts: string; days: string }) => {
      mkdirSync(flags.out, { recursive: true, mode: 0o700 });
      const authority = authorityIn(flags.out);
      const days = countOption('--days', flags.days);
      const hosts = flags.hosts.split(',').filter((host) => host !== '');
      for (const name of names) {
        write(
          flags.out,
          name,
          issueCertificate({ commonName: name, names: [name, ...hosts], days }, authority),
        );
        console.log(`${join(flags.out, `${name}.pem`)}: ${[name, ...hosts].join(', ')}; ${days} days`);
      }
    });
}

/** The authority of the folder; a new one where there is none. Its key is needed for the next certificates alone. */
function authorityIn(folder: string): IssuedCertificate {
  const [cert, key] = [join(folder, 'ca.pem'), join(folder, 'ca.key')];
  if (existsSync(cert)) return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  const authority = issueAuthority({ commonName: 'Rookery', days: 3650 });
  write(folder, 'ca', authority);
  console.log(`${cert}: a new authority; keep ca.key where no service can read it`);
  return authority;
}

/** The key first: a service that reads in between refuses the pair, and looks again a second later. */
function write(folder: string, name: string, { cert, key }: IssuedCertificate): void {
  for (const [ending, text, mode] of [
    ['key', key, 0o600],
    ['pem', cert, 0o644],
  ] as const) {
    const file = join(folder, `${name}.${ending}`);
    writeFileSync(`${file}.next`, text, { mode });
    renameSync(`${file}.next`, file);
  }
}
