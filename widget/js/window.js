// The sign-in window. What is believed about it is never more than a hint: Microsoft's pages cut its ties to this page.

const WATCH_MS = 500;

export class SignInWindow {
  #handle;
  #watch;
  #name;

  /** Opens the window; only a click may, and only at once. @returns {boolean} false when the browser refuses */
  open(url, text) {
    this.close();
    // A name of its own for every attempt, so that no click takes over another attempt's window.
    this.#name = `eg_${crypto.getRandomValues(new Uint32Array(2)).join('')}`;
    this.#handle = window.open(url, this.#name, 'popup,width=520,height=680');
    if (!this.#handle) return false;
    try {
      if (text) this.#handle.document.title = text;
    } catch {
      // The window belongs to another origin already.
    }
    return true;
  }

  steer(url) {
    if (this.#handle) this.#handle.location = url;
  }

  /** Calls back once when the window looks closed. */
  watch(looksClosed) {
    clearInterval(this.#watch);
    this.#watch = setInterval(() => {
      if (this.#handle && !this.#handle.closed) return;
      clearInterval(this.#watch);
      looksClosed();
    }, WATCH_MS);
  }

  close() {
    clearInterval(this.#watch);
    this.#handle?.close();
    this.#handle = undefined;
  }
}

/** Where a window would be a nuisance: touch screens without a mouse, and views inside of apps. */
export function prefersTab() {
  const isTouch = matchMedia('(pointer: coarse)').matches && !matchMedia('(any-pointer: fine)').matches;
  return isTouch || /\bwv\b|FBAN|FBAV|Instagram|Teams\//.test(navigator.userAgent);
}
