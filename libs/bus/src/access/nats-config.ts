import { nkeys } from '@nats-io/transport-node';
import { busUserList } from './bus-users.js';
import type { BusUserName } from './bus-users.js';
import { permissionsOf } from './permissions.js';
import type { PermissionOptions } from './permissions.js';

/** A new key of a user of the broker: the seed is the secret, the public key goes into the server's configuration. */
export function newUserKey(): { readonly seed: string; readonly publicKey: string } {
  const pair = nkeys.createUser();
  return { seed: new TextDecoder().decode(pair.getSeed()), publicKey: pair.getPublicKey() };
}

/** Public key (`U…`) of a seed (`SU…`); throws where it is none. */
export function publicKeyOf(seed: string): string {
  return nkeys.fromSeed(new TextEncoder().encode(seed.trim())).getPublicKey();
}

/**
 * The `authorization` block of a nats-server: every user with its keys and what it may publish and subscribe to. Two keys
 * of a user are valid side by side, which is what changing one without a gap takes. Whoever has no key is not let in.
 */
export function renderNatsUsers(
  keys: Readonly<Partial<Record<BusUserName, readonly string[]>>>,
  options: PermissionOptions = {},
): string {
  const lines = [
    '# Written by rookery nats users; what each user does stands in libs/bus/src/access/bus-users.ts. Do not edit: write anew,',
    '# then let the server read it: nats-server --signal reload.',
    'authorization {',
    '  # Nobody may do what is not listed.',
    '  default_permissions { publish: { deny: [">"] }, subscribe: { deny: [">"] } }',
    '  users: [',
  ];
  for (const [name] of busUserList) {
    const { publish, denyPublish, subscribe } = permissionsOf(name, options);
    for (const key of keys[name] ?? []) {
      if (!/^U[A-Z2-7]{55}$/.test(key)) throw new TypeError(`${name}: not the public key of a user`);
      lines.push(
        `    # ${name}`,
        `    { nkey: ${key}, permissions: {`,
        '      publish: {',
        ...list('allow', publish),
        ...(denyPublish.length > 0 ? list('deny', denyPublish) : []),
        '      },',
        '      subscribe: {',
        ...list('allow', subscribe),
        '      } } },',
      );
    }
  }
  return [...lines, '  ]', '}', ''].join('\n');
}

function list(name: string, subjects: readonly string[]): string[] {
  return [
    `        ${name}: [`,
    ...subjects.map((subject) => `          ${JSON.stringify(subject)},`),
    '        ],',
  ];
}
