/** What people paste to name a model: addresses of files, pages of Hugging Face, names of repositories. */

/**
 * @typedef {{ kind: 'file', source: string }
 *   | { kind: 'repository', repo: string, revision: string, folder: string }
 *   | { kind: 'nothing', reason: string }} Meaning `reason` is the key of a text
 */

const HUB = /^(?:https?:\/\/)?(?:www\.)?(?:huggingface\.co|hf\.co)\/(.+)$/i;
const REPOSITORY = /^[\w-][\w.-]*\/[\w.-]+$/;

/**
 * @param {string} text
 * @returns {Meaning}
 */
export function meaningOf(text) {
  const wanted = text.trim().replace(/^["'<]+|["'>]+$/g, '');
  if (!wanted) return { kind: 'nothing', reason: 'address.empty' };
  const hub = HUB.exec(wanted)?.[1] ?? /^hf:(?:\/\/)?(.+)$/i.exec(wanted)?.[1];
  // The library's own short form stays as it is.
  if (/^hf:[^/]+\/[^/]+\/.+\.gguf$/i.test(wanted) && !/^hf:[^/]+\/[^/]+\/(blob|resolve|raw|tree)\//i.test(wanted)) return { kind: 'file', source: wanted };
  if (hub !== undefined) return onHub(hub.replace(/^models\//, ''));
  // A path of this site is a path, a bare pair of names is a repository.
  if (REPOSITORY.test(wanted) && !/\.gguf$/i.test(wanted)) return onHub(wanted);
  if (/^[\w-]+\/[\w.-]+\/.+\.gguf$/i.test(wanted)) return onHub(wanted);
  if (/^[a-z][a-z0-9+.-]*:/i.test(wanted) && !/^https?:/i.test(wanted)) return { kind: 'nothing', reason: 'address.scheme' };
  if (/^[\w-]+(\.[\w-]+)+(:\d+)?\/\S+$/.test(wanted)) return { kind: 'file', source: `https://${wanted}` };
  if (/\s/.test(wanted)) return { kind: 'nothing', reason: 'address.words' };
  return { kind: 'file', source: wanted };
}

/**
 * @param {string} path behind the hub's name
 * @returns {Meaning}
 */
function onHub(path) {
  const parts = path.split(/[?#]/)[0].split('/').filter(Boolean).map(decoded);
  const [owner, name, ...rest] = parts;
  if (!owner || !name) return { kind: 'nothing', reason: 'address.owner' };
  if (['datasets', 'spaces', 'docs', 'blog', 'papers', 'collections'].includes(owner)) return { kind: 'nothing', reason: 'address.noModel' };
  const repo = `${owner}/${name}`;
  const view = ['blob', 'resolve', 'raw', 'tree'].includes(rest[0]) ? rest[0] : null;
  const revision = view ? (rest[1] ?? 'main') : 'main';
  const file = (view ? rest.slice(2) : rest).join('/');
  if (view !== 'tree' && /\.gguf$/i.test(file)) return { kind: 'file', source: fileOnHub(repo, revision, file) };
  return { kind: 'repository', repo, revision, folder: view === 'tree' ? file : '' };
}

/**
 * @param {string} repo
 * @param {string} revision
 * @param {string} file
 */
export function fileOnHub(repo, revision, file) {
  const path = file.split('/').map(encodeURIComponent).join('/');
  return `https://huggingface.co/${repo}/resolve/${encodeURIComponent(revision)}/${path}`;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Something in a repository that can be loaded: a file, a file in several parts, or a folder of safetensors.
 * @typedef {object} Loadable
 * @property {string} name
 * @property {number} bytes
 * @property {string} source
 */

/**
 * What of a repository can be loaded. This asks the hub, so only a person's own click may lead here.
 * @param {Extract<Meaning, { kind: 'repository' }>} where
 * @param {AbortSignal} [signal]
 * @returns {Promise<Loadable[]>} the smallest first
 */
export async function filesOf({ repo, revision, folder }, signal) {
  const address = `https://huggingface.co/api/models/${repo}/tree/${encodeURIComponent(revision)}?recursive=true`;
  const response = await fetch(address, { signal, referrerPolicy: 'no-referrer', credentials: 'omit' });
  if (!response.ok) {
    const code = { 401: 'unauthorized', 403: 'forbidden', 404: 'not_found' }[response.status] ?? 'network';
    throw Object.assign(new Error(`GET ${address}: the server answered ${response.status}.`), { code });
  }
  return loadablesOf(await response.json(), { repo, revision, folder });
}

/**
 * @param {{ type: string, path: string, size: number, lfs?: { size: number } }[]} entries as the hub lists them
 * @param {Omit<Extract<Meaning, { kind: 'repository' }>, 'kind'>} where
 * @returns {Loadable[]} the smallest first
 */
export function loadablesOf(entries, { repo, revision, folder }) {
  const files = entries
    .filter(({ type, path }) => type === 'file' && (folder === '' || path.startsWith(`${folder}/`)))
    .map(({ path, size, lfs }) => ({ name: path, bytes: lfs?.size ?? size }));
  /** A file in parts is loaded by its first. @type {Map<string, Loadable>} */
  const found = new Map();
  for (const { name, bytes } of files.filter(({ name }) => /\.gguf$/i.test(name)).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const whole = name.replace(/-\d{5}-of-(\d{5})\.gguf$/i, '-of-$1.gguf');
    const first = found.get(whole);
    if (first) first.bytes += bytes;
    else found.set(whole, { name, bytes, source: fileOnHub(repo, revision, name) });
  }
  const weights = files.filter(({ name }) => /^[^/]*\.safetensors$/.test(name));
  // The library takes such a folder at the top of a repository.
  if (weights.length && files.some(({ name }) => name === 'config.json')) {
    const bytes = weights.reduce((sum, file) => sum + file.bytes, 0);
    found.set(repo, { name: `${repo} (safetensors)`, bytes, source: `hf:${repo}${revision === 'main' ? '' : `@${revision}`}` });
  }
  return [...found.values()].sort((a, b) => a.bytes - b.bytes);
}
