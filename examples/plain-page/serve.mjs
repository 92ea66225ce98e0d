// Any static host will do. The two headers isolate the page: without them it runs with one thread.
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

const server = createServer((request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname));
  const file = join(import.meta.dirname, path.endsWith('/') ? join(path, 'index.html') : path);
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
  response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
  createReadStream(file).on('error', () => response.writeHead(404).end()).pipe(response);
});
server.listen(process.env.PORT ?? 8000, () => console.log(`http://localhost:${server.address().port}/`));
