/** Keyboard: each view names its keys; the help window lists what is in force. */

import { onBeforeUnmount, onMounted, shallowRef } from 'vue';

export interface Key {
  /** As `KeyboardEvent.key` has it: `j`, `/`, `Enter`, `Escape`. */
  key: string;
  /** Message key of what it does. */
  does: string;
  run: () => void;
}

const sets = shallowRef<readonly Key[][]>([]);

/** All keys in force, the newest view's first. */
export function keysInForce(): Key[] {
  return sets.value.toReversed().flat();
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));
}

function dialogOpen(): boolean {
  return document.querySelector('[role="dialog"][aria-modal="true"]') !== null;
}

function pressed(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (isTyping(event.target)) {
    if (event.key === 'Escape' && event.target instanceof HTMLElement) event.target.blur();
    return;
  }
  if (dialogOpen()) return;
  // Enter and space on a button or link already mean something.
  if (event.key === 'Enter' && event.target instanceof HTMLElement && event.target.closest('a, button, [role="menuitem"]') !== null) return;
  const key = keysInForce().find((candidate) => candidate.key === event.key);
  if (key === undefined) return;
  event.preventDefault();
  key.run();
}

let listening = false;

export function useKeys(keys: Key[]): void {
  onMounted(() => {
    sets.value = [...sets.value, keys];
    if (!listening) {
      listening = true;
      window.addEventListener('keydown', pressed);
    }
  });
  onBeforeUnmount(() => {
    sets.value = sets.value.filter((set) => set !== keys);
  });
}
