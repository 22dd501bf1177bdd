/** One option of a plug-in: what it may be, and what it is where nothing is said. */
export type OptionRule =
  | {
      readonly type: 'number' | 'integer';
      readonly min?: number;
      readonly max?: number;
      readonly default: number;
    }
  | { readonly type: 'choice'; readonly of: readonly string[]; readonly default: string }
  | { readonly type: 'flag'; readonly default: boolean }
  | { readonly type: 'text'; readonly maxLength?: number; readonly default: string };

/** The options of a plug-in by name. They are checked before anything of a run is trained. */
export type OptionRules = Readonly<Record<string, OptionRule>>;

/** Complete options: every one has a value that fits its rule. */
export type PluginOptions = Readonly<Record<string, number | string | boolean>>;
