/** One stage of a Dockerfile. */
export interface Stage {
  readonly name: string;
  /** Image or stage it starts from. */
  readonly from: string;
  /** Its instructions in order, continuation lines joined: `RUN …`. */
  readonly instructions: readonly string[];
}

/** The stages of a Dockerfile, in order; comments are left out. Throws for an instruction before the first FROM that is no ARG. */
export function stagesOf(text: string): Stage[] {
  const lines = text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const stages: { name: string; from: string; instructions: string[] }[] = [];
  for (const line of lines) {
    const from = /^FROM (\S+)(?: AS (\S+))?$/.exec(line);
    if (from) stages.push({ name: from[2] ?? '', from: from[1] ?? '', instructions: [] });
    else if (stages.length > 0) stages.at(-1)?.instructions.push(line);
    else if (!line.startsWith('ARG ')) throw new Error(`${line} stands before the first FROM`);
  }
  return stages;
}

/** The arguments of all instructions of a kind in a stage. */
export function argumentsOf(stage: Stage, instruction: string): string[] {
  return stage.instructions
    .filter((line) => line.startsWith(`${instruction} `))
    .map((line) => line.slice(instruction.length + 1));
}
