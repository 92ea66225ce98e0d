// The pages import `./dist/index.js`, which exists once they are served; for the type checker it is worker/.
export * from '../../worker/index.js';
