// A compute worker of the sealed page, under the same policy as `engine.js` beside it.
import '../dist/compute.js';
