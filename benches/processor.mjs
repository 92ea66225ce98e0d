// Seconds of processor time that a page's process used, whatever its threads did: computing, or waiting busily.

/**
 * The renderers of a browser. Ours is the one that works while we measure.
 * @param {import('playwright-core').Browser} browser
 */
export async function processorClock(browser) {
  const session = await browser.newBrowserCDPSession();
  return async () => {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    return processInfo.filter(({ type }) => type === 'renderer').reduce((sum, { cpuTime }) => sum + cpuTime, 0);
  };
}
