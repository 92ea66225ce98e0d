import { cp } from 'node:fs/promises';

// An extension needs no bundler: the package's files are copied into its folder.
await cp(new URL('.', import.meta.resolve('bitnet-web')), 'bitnet-web', { recursive: true });
