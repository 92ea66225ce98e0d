// As `index.d.ts`, for the workers of the sealed page: a script that is only run.
export {};
