// The engine worker of the sealed page. A worker's policy comes with its own script, and this one is served with the policy
// that allows no connection but to the page's own origin.
import '../dist/engine.js';
