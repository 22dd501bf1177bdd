import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { busUserList, newUserKey, publicKeyOf, renderNatsUsers } from '@rookery/bus/access';
import type { BusUserName } from '@rookery/bus/access';
import { TerminalError } from '@rookery/contracts';
import { Command } from 'commander';

/** `rookery nats users`: a key for each user of the broker, and the configuration that says what each may do. */
export function natsCommand(): Command {
  const command = new Command('nats')
    .description('Users and permissions of the NATS server')
    .enablePositionalOptions();
  command
    .command('users')
    .description(
      'Write users.conf for nats-server, and <user>.nk for each service; keys that are there are kept',
    )
    .requiredOption('--out <folder>', 'folder for users.conf and the keys')
    .option('--rotate <users>', 'make new keys for these (or all); the old ones stay valid beside them')
    .option('--retire <users>', 'end the old keys of these (or all)')
    .option('--bucket <name>', 'bucket of the artifacts', 'rookery-artifacts')
    .option('--dataset-buckets <names>', 'buckets that ingest reads data sets from, with commas')
    .action((flags: UsersFlags) => {
      mkdirSync(flags.out, { recursive: true, mode: 0o700 });
      const rotated = usersOf('--rotate', flags.rotate);
      const retired = usersOf('--retire', flags.retire);
      const keys: Partial<Record<BusUserName, string[]>> = {};
      for (const [name] of busUserList) {
        const [now, before] = [join(flags.out, `${name}.nk`), join(flags.out, `${name}.before.pub`)];
        if (retired.has(name) && existsSync(before)) write(before, '');
        if (rotated.has(name) && existsSync(now))
          write(before, `${publicKeyOf(readFileSync(now, 'utf8'))}\n`);
        if (rotated.has(name) || !existsSync(now)) write(now, `${newUserKey().seed}\n`);
        const old = existsSync(before) ? readFileSync(before, 'utf8').trim() : '';
        keys[name] = [publicKeyOf(readFileSync(now, 'utf8')), ...(old === '' ? [] : [old])];
      }
      const buckets = (flags.datasetBuckets ?? '').split(',').filter((bucket) => bucket !== '');
      const config = join(flags.out, 'users.conf');
      write(config, renderNatsUsers(keys, { bucket: flags.bucket, datasetBuckets: buckets }));
      const two = Object.entries(keys).filter(([, list]) => list.length > 1);
      console.log(`${config}: ${busUserList.length} users`);
      if (two.length > 0) console.log(`Two keys are valid for ${two.map(([name]) => name).join(', ')}`);
    });
  return command;
}

interface UsersFlags {
  readonly out: string;
  readonly rotate?: string;
  readonly retire?: string;
  readonly bucket: string;
  readonly datasetBuckets?: string;
}

function usersOf(option: string, text = ''): ReadonlySet<string> {
  const known = busUserList.map(([name]) => name);
  if (text === 'all') return new Set(known);
  const names = text.split(',').filter((name) => name !== '');
  const unknown = names.find((name) => !(known as string[]).includes(name));
  if (unknown === undefined) return new Set(names);
  throw new TerminalError('RK_REQUEST_INVALID', `${option}: there is no user ${unknown}`, {
    hint: `Users are ${known.join(', ')}.`,
  });
}

function write(file: string, text: string): void {
  writeFileSync(`${file}.next`, text, { mode: 0o600 });
  renameSync(`${file}.next`, file);
}
