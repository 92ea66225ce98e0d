// Tabs that can be hidden and frozen. Playwright makes each of its pages believe that it is shown and has the focus; these are pages of
// a context that it does not know, driven by the browser's own protocol.

/** @import { Browser, CDPSession } from 'playwright-core' */

/** One tab. */
class HiddenTab {
  #root;
  #target;
  #session;
  #lastId = 0;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (reason: unknown) => void }>} */
  #waiting = new Map();

  /** @param {CDPSession} root @param {string} target @param {string} session */
  constructor(root, target, session) {
    this.#root = root;
    this.#target = target;
    this.#session = session;
    root.on('Target.receivedMessageFromTarget', ({ sessionId, message }) => {
      if (sessionId !== session) return;
      const { id, result, error } = JSON.parse(message);
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result);
    });
  }

  /**
   * @param {string} method of the protocol
   * @param {object} [params]
   * @returns {Promise<any>}
   */
  send(method, params = {}) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#root.send('Target.sendMessageToTarget', { sessionId: this.#session, message: JSON.stringify({ id, method, params }) }).catch(reject);
    });
  }

  /**
   * Runs a function in the page.
   * @template A, R
   * @param {(argument: A) => R} work
   * @param {A} [argument]
   * @returns {Promise<Awaited<R>>}
   */
  async evaluate(work, argument) {
    const expression = `(${work})(${JSON.stringify(argument) ?? ''})`;
    const { result, exceptionDetails: thrown } = await this.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (thrown) throw new Error(thrown.exception?.description ?? JSON.stringify(thrown.exception?.value ?? thrown.text));
    return result.value;
  }

  /** @param {() => unknown} condition in the page */
  async waitFor(condition) {
    for (;;) {
      // A page that is being opened has no place yet where a function could run.
      if (await this.evaluate(condition).catch(() => false)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Shows it, in place of the one that was shown. */
  async show() {
    await this.#root.send('Target.activateTarget', { targetId: this.#target });
    await this.waitFor(() => document.visibilityState === 'visible');
  }

  /** Freezes it, which must be hidden, or wakes it. @param {'frozen' | 'active'} state */
  async setLifecycle(state) {
    await this.send('Page.setWebLifecycleState', { state });
  }

  async close() {
    await this.#root.send('Target.closeTarget', { targetId: this.#target });
  }
}

/**
 * A context of such tabs.
 * @param {Browser} browser
 */
export async function hiddenTabs(browser) {
  const root = await browser.newBrowserCDPSession();
  const { browserContextId } = await root.send('Target.createBrowserContext', {});
  return {
    /** Opens one, which is shown then. @param {string} url */
    open: async (url) => {
      const { targetId } = await root.send('Target.createTarget', { url, browserContextId });
      const { sessionId } = await root.send('Target.attachToTarget', { targetId, flatten: false });
      const tab = new HiddenTab(root, targetId, sessionId);
      await tab.waitFor(() => document.readyState === 'complete' && location.protocol !== 'about:');
      await tab.show();
      return tab;
    },
    close: () => root.send('Target.disposeBrowserContext', { browserContextId }),
  };
}
