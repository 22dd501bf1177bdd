import { fileURLToPath } from 'node:url';

/** Root of the repository, seen from deploy/dist. */
export const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url));
