/** The interface in German. */
export const DE = Object.freeze({});
