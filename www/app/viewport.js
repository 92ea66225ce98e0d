/**
 * Keeps the message box above a phone's keyboard. Browsers that shrink the page for the keyboard need nothing;
 * where it only covers the page (Safari on iOS), the visible height is handed to the style sheet.
 */
export function followKeyboard() {
  const view = window.visualViewport;
  if (!view) return;
  const root = document.documentElement;
  const fit = () => {
    const covered = window.innerHeight - view.height * view.scale;
    if (covered > 80) {
      root.style.setProperty('--visible', `${view.height}px`);
      window.scrollTo(0, 0);
    } else {
      root.style.removeProperty('--visible');
    }
  };
  view.addEventListener('resize', fit);
  view.addEventListener('scroll', fit);
}
