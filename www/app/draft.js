/** What is being written and not sent: kept for each conversation, so that reload, Back and another chat do not lose it. */

const KEY = 'bitnet-web.draft.';

/**
 * The place of a draft: a conversation's is there for every visit, that of a new one belongs to its tab.
 * @param {string | null} id
 */
function placeOf(id) {
  return id === null ? sessionStorage : localStorage;
}

/**
 * @param {string | null} id of the conversation, null for a new one
 * @param {string} text empty: nothing is kept
 */
export function keepDraft(id, text) {
  try {
    if (text) placeOf(id).setItem(KEY + (id ?? 'new'), text);
    else placeOf(id).removeItem(KEY + (id ?? 'new'));
  } catch {
    // Storage is refused or full: the draft lasts as long as the page.
  }
}

/** @param {string | null} id */
export function draftOf(id) {
  try {
    return placeOf(id).getItem(KEY + (id ?? 'new')) ?? '';
  } catch {
    return '';
  }
}
