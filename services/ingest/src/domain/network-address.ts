/** Where an address leads: to the internet, to this machine, to its neighbours, or to none of them. */
export type AddressKind = 'public' | 'loopback' | 'private' | 'link-local' | 'reserved';

type Special = readonly [kind: Exclude<AddressKind, 'public'>, ...subnets: readonly string[]];

// IANA's registries of special-purpose addresses; whatever of IPv6 is not global unicast is reserved as well.
const special: readonly Special[] = [
  ['loopback', '127.0.0.0/8', '::1/128'],
  // Link-local addresses hold the metadata services of clouds.
  ['link-local', '169.254.0.0/16', 'fe80::/10'],
  ['private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7', 'fec0::/10'],
  [
    'reserved',
    '0.0.0.0/8',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.88.99.0/24',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '224.0.0.0/4',
    '240.0.0.0/4',
    '2001:db8::/32',
    '3fff::/20',
  ],
];
const specialLists = special.map(([kind, ...subnets]) => [kind, networksOf(subnets)] as const);
const globalUnicast = networksOf(['2000::/3']);

/** Addresses and subnets, IPv4 and IPv6. */
export interface Networks {
  has(address: string): boolean;
}

/** The networks of `10.1.0.0/16`, `192.0.2.7`, `fd00::/8` …; throws RangeError for anything else. */
export function networksOf(entries: readonly string[]): Networks {
  const networks = entries.map((entry) => {
    const [address = '', bits = ''] = entry.split('/');
    const words = wordsOf(address);
    if (words === undefined || !/^\d{0,3}$/.test(bits)) throw new RangeError(`${entry} is no network`);
    return { words, bits: bits === '' ? words.length * 16 : Number(bits) };
  });
  return {
    has(address) {
      const words = wordsOf(address);
      return words !== undefined && networks.some((network) => isWithin(words, network));
    },
  };
}

function isWithin(words: readonly number[], network: { words: readonly number[]; bits: number }): boolean {
  if (words.length !== network.words.length) return false;
  return network.words.every((word, i) => {
    const counted = Math.min(16, Math.max(0, network.bits - 16 * i));
    return (word ^ words[i]!) >> (16 - counted) === 0;
  });
}

/**
 * What kind of address this is (IPv4 dotted, or IPv6). An IPv4 address within an IPv6 one (mapped, NAT64, 6to4,
 * Teredo) counts as what it stands for; anything that is no address is reserved.
 */
export function addressKind(address: string): AddressKind {
  const plain = embeddedIpv4(address) ?? address;
  const words = wordsOf(plain);
  if (words === undefined) return 'reserved';
  for (const [kind, networks] of specialLists) if (networks.has(plain)) return kind;
  return words.length === 2 || globalUnicast.has(plain) ? 'public' : 'reserved';
}

/** The IPv4 address that an IPv6 address stands for, if it stands for one. */
export function embeddedIpv4(address: string): string | undefined {
  const words = wordsOf(address);
  if (words?.length !== 8) return undefined;
  const dotted = (high = 0, low = 0): string => [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const [a, b = 0, c = 0, d, e, f, g = 0, h = 0] = words;
  const zeros = (...given: (number | undefined)[]): boolean => given.every((word) => word === 0);
  // ::ffff:a.b.c.d and ::ffff:0:a.b.c.d; ::a.b.c.d apart from :: and ::1
  if (zeros(a, b, c, d) && ((e === 0 && f === 0xffff) || (e === 0xffff && f === 0))) return dotted(g, h);
  if (zeros(a, b, c, d, e, f) && (g !== 0 || h > 1)) return dotted(g, h);
  // NAT64, 6to4, Teredo
  if (a === 0x64 && b === 0xff9b) return dotted(g, h);
  if (a === 0x2002) return dotted(b, c);
  if (a === 0x2001 && b === 0) return dotted(g ^ 0xffff, h ^ 0xffff);
  return undefined;
}

/** Two words of an IPv4 address, eight of an IPv6 one; undefined for anything else. */
function wordsOf(address: string): number[] | undefined {
  const quad = /^(|.*:)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address);
  const bytes = quad === null ? [] : quad.slice(2).map(Number);
  if (bytes.some((byte) => byte > 255)) return undefined;
  const [p = 0, q = 0, r = 0, s = 0] = bytes;
  if (quad?.[1] === '') return [(p << 8) | q, (r << 8) | s];
  const bare = address.replace(/%.*$/, '');
  const text =
    quad === null ? bare : `${quad[1]}${((p << 8) | q).toString(16)}:${((r << 8) | s).toString(16)}`;
  const [left = '', right, ...more] = text.split('::');
  const parts = (half: string): string[] => (half === '' ? [] : half.split(':'));
  const head = parts(left);
  const tail = parts(right ?? '');
  if (more.length > 0 || ![...head, ...tail].every((word) => /^[0-9a-f]{1,4}$/i.test(word))) return undefined;
  const missing = 8 - head.length - tail.length;
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...new Array<string>(missing).fill('0'), ...tail].map((word) => Number.parseInt(word, 16));
}
