/** Keeps a scroller at its end while something grows there, and lets go at once when the reader wants to look elsewhere. */

/** How near to the end, in pixels, a reader who scrolls down is taken along again. */
const AT_END = 56;

export class Follower {
  #following = true;
  #planned = false;
  #last = { top: 0, height: 0, view: 0 };
  #touch = 0;

  /**
   * @param {HTMLElement} scroller
   * @param {(following: boolean) => void} onChange
   * @param {() => boolean} isNeeded whether there is anything to follow
   */
  constructor(scroller, onChange, isNeeded) {
    this.isNeeded = isNeeded;
    this.scroller = scroller;
    this.onChange = onChange;
    const passive = { passive: true };
    scroller.addEventListener('scroll', () => this.#look(), passive);
    scroller.addEventListener('wheel', (event) => event.deltaY < 0 && this.#leave(), passive);
    scroller.addEventListener('touchstart', (event) => (this.#touch = event.touches[0].clientY), passive);
    scroller.addEventListener(
      'touchmove',
      (event) => {
        const { clientY } = event.touches[0];
        if (clientY > this.#touch + 1) this.#leave();
        this.#touch = clientY;
      },
      passive,
    );
    document.addEventListener('keydown', (event) => {
      const typing = event.target instanceof Element && event.target.closest('input, textarea, select');
      const up = ['PageUp', 'Home', 'ArrowUp'].includes(event.key) || (event.key === ' ' && event.shiftKey);
      if (up && (!typing || (event.key === 'PageUp' && typing.id === 'prompt'))) this.#leave();
    });
    document.addEventListener('selectionchange', () => {
      const selection = getSelection();
      if (selection && !selection.isCollapsed && scroller.contains(selection.anchorNode)) this.#leave();
    });
    new ResizeObserver(() => this.keepUp()).observe(scroller);
  }

  /** Goes to the end and stays there. */
  follow() {
    this.#set(true);
    this.keepUp();
  }

  /** Call when content has grown: scrolls once per frame at most, and only while the reader is at the end. */
  keepUp() {
    if (!this.#following || this.#planned) return;
    this.#planned = true;
    requestAnimationFrame(() => {
      this.#planned = false;
      if (!this.#following || !this.isNeeded()) return; // the reader left since, or there is nothing to follow
      this.scroller.scrollTop = this.scroller.scrollHeight;
      this.#remember();
    });
  }

  #leave() {
    // Where nothing scrolls there is nothing to leave.
    if (this.scroller.scrollTop > 0) this.#set(false);
  }

  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const { top, height, view } = this.#last;
    const up = scrollTop < top - 1 && scrollHeight >= height && clientHeight <= view;
    const down = scrollTop > top;
    if (up) this.#set(false);
    else if (down && scrollHeight - scrollTop - clientHeight < AT_END) this.#set(true);
    this.#remember();
  }

  #remember() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.#last = { top: scrollTop, height: scrollHeight, view: clientHeight };
  }

  /** @param {boolean} following */
  #set(following) {
    if (following === this.#following) return;
    this.#following = following;
    this.onChange(following);
  }
}
