// Isolate every page. With `output: 'export'` the static host has to send these two instead.
const headers = [
  { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
  { key: 'Cross-Origin-Embedder-Policy', value: 'require-corp' },
];

export default {
  headers: async () => [{ source: '/:path*', headers }],
};
