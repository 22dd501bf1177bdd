import { parse } from 'yaml';

/** Values of compose's `${NAME}` and `${NAME:-default}`. */
export type Interpolation = Readonly<Record<string, string | undefined>>;

/** What the tests read of a service. */
export interface ComposeService {
  readonly image?: string;
  readonly build?: { context: string; dockerfile: string; target?: string; args?: Record<string, string> };
  readonly environment?: Record<string, string | number | null>;
  readonly ports?: string[];
  readonly volumes?: string[];
  readonly healthcheck?: { test: string[]; start_period?: string };
  readonly restart?: string;
  readonly profiles?: string[];
  readonly depends_on?: Record<string, { condition: string }>;
  readonly deploy?: unknown;
  readonly user?: string;
  readonly privileged?: boolean;
  readonly network_mode?: string;
  readonly stop_grace_period?: string;
}

/** A compose file with its anchors, merges and variables resolved. */
export interface ComposeFile {
  readonly name?: string;
  readonly services: Record<string, ComposeService>;
  readonly volumes?: Record<string, unknown>;
}

/**
 * Renders a compose file as `docker compose config` does as far as this file needs it: anchors and merge keys, `${NAME}`,
 * `${NAME:-default}` and `$$`, and the services of `profiles` (default: those without one). Throws for a variable that
 * has neither value nor default, and for any other form of interpolation.
 */
export function renderCompose(
  text: string,
  variables: Interpolation = {},
  profiles: readonly string[] = [],
): ComposeFile {
  const file = interpolate(parse(text, { merge: true }), variables) as ComposeFile;
  const services = Object.entries(file.services).filter(
    ([, service]) =>
      service.profiles === undefined || service.profiles.some((profile) => profiles.includes(profile)),
  );
  return { ...file, services: Object.fromEntries(services) };
}

function interpolate(value: unknown, variables: Interpolation): unknown {
  if (typeof value === 'string') return interpolateText(value, variables);
  if (Array.isArray(value)) return value.map((item) => interpolate(item, variables));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, interpolate(item, variables)]));
}

function interpolateText(text: string, variables: Interpolation): string {
  return text.replace(
    /\$(\$|\{([A-Z_]+)(?::-([^}]*))?\}|.)/g,
    (whole, mark: string, name?: string, fallback?: string) => {
      if (mark === '$') return '$';
      if (name === undefined)
        throw new Error(`${whole} in ${JSON.stringify(text)} is no interpolation that is understood`);
      const value = variables[name] || fallback;
      if (value === undefined) throw new Error(`${name} has neither a value nor a default`);
      return value;
    },
  );
}
