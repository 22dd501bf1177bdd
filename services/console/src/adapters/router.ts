import { TerminalError } from '@rookery/contracts';

/** A route that fits a path. */
export interface RouteMatch<R> {
  readonly route: R;
  readonly params: Readonly<Record<string, string>>;
}

/** What a path leads to: a route, or the methods that the path would take, or nothing. */
export type Lookup<R> =
  { readonly found: RouteMatch<R> } | { readonly found: undefined; readonly allowed: readonly string[] };

/** Finds routes by method and path; `:name` in a path takes one segment, percent-decoded. HEAD goes where GET goes. */
export function createRouter<R extends { readonly method: string; readonly path: string }>(
  routes: readonly R[],
): (method: string, path: string) => Lookup<R> {
  const compiled = routes.map((route) => ({ route, segments: route.path.split('/') }));
  return (method, path) => {
    const segments = path.split('/');
    const allowed = new Set<string>();
    for (const candidate of compiled) {
      const params = match(candidate.segments, segments);
      if (!params) continue;
      if (candidate.route.method === (method === 'HEAD' ? 'GET' : method))
        return { found: { route: candidate.route, params } };
      allowed.add(candidate.route.method);
      if (candidate.route.method === 'GET') allowed.add('HEAD');
    }
    return { found: undefined, allowed: [...allowed].sort() };
  };
}

function match(pattern: readonly string[], path: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== path.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const given = path[index] ?? '';
    if (part.startsWith(':')) params[part.slice(1)] = given;
    else if (part !== given) return undefined;
  }
  for (const [name, value] of Object.entries(params)) params[name] = decoded(value);
  return params;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new TerminalError(
      'RK_REQUEST_INVALID',
      `The path has a part that is no valid percent-encoding: ${JSON.stringify(segment)}`,
    );
  }
}
