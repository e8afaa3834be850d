/** Filters, sort and columns kept in the address, so that a view can be sent to a colleague. */

import { computed, reactive, type WritableComputedRef } from 'vue';
import { useRoute, useRouter, type LocationQuery } from 'vue-router';

function first(query: LocationQuery, name: string): string | undefined {
  const said = query[name];
  const one = Array.isArray(said) ? said[0] : said;
  return one ?? undefined;
}

/**
 * `const filters = useAddress({ q: '', status: '' })`: plain strings, each bound to the query of the address; a value
 * equal to its default is left out of it. Writing replaces the entry in the history.
 */
export function useAddress<T extends Record<string, string>>(defaults: T): { [K in keyof T]: string } & { reset: () => void; changed: boolean } {
  const route = useRoute();
  const router = useRouter();
  let pending: Record<string, string | undefined> | null = null;

  function write(name: string, value: string): void {
    if (pending === null) {
      pending = {};
      queueMicrotask(() => {
        const query = { ...route.query, ...pending };
        pending = null;
        for (const [key, said] of Object.entries(query)) if (said === undefined) delete query[key];
        void router.replace({ query, params: route.params, hash: route.hash });
      });
    }
    pending[name] = value === defaults[name] ? undefined : value;
  }

  const fields: Record<string, WritableComputedRef<string>> = {};
  for (const name of Object.keys(defaults)) {
    fields[name] = computed({ get: () => first(route.query, name) ?? defaults[name] ?? '', set: (value) => write(name, value ?? '') });
  }
  const made = reactive({
    ...fields,
    changed: computed(() => Object.keys(defaults).some((name) => (first(route.query, name) ?? defaults[name]) !== defaults[name])),
    reset: () => {
      for (const name of Object.keys(defaults)) write(name, defaults[name] ?? '');
    },
  });
  return made as unknown as { [K in keyof T]: string } & { reset: () => void; changed: boolean };
}
