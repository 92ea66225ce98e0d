// The globals that api-page.js puts into a test page.
declare const lib: typeof import('../../worker/index.js');
declare const tap: import('./api-page.js').Tap;
