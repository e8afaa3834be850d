/**
 * What every page but the start page needs: the component library and the words of all pages. They come together with
 * the first such page, so that a phone that only looks at the start page never waits for them.
 */

import { shallowRef, type Component } from 'vue';
import type { RouteComponent } from 'vue-router';
import { wholeLanguage } from './i18n';

/** Stands around such a page; null until it is there. */
export const frame = shallowRef<Component | null>(null);

async function furnish(): Promise<void> {
  const [made] = await Promise.all([import('./FurnishedFrame.vue'), wholeLanguage()]);
  frame.value = made.default;
}

/** A page that is loaded when it is first opened. */
export function page(load: () => Promise<{ default: RouteComponent }>): () => Promise<{ default: RouteComponent }> {
  return async () => {
    const [made] = await Promise.all([load(), furnish()]);
    return made;
  };
}
