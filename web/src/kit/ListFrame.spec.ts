import { flushPromises, mount } from '@vue/test-utils';
import { computed, defineComponent, h, ref } from 'vue';
import { createMemoryHistory, createRouter } from 'vue-router';
import { beforeEach, describe, expect, it } from 'vitest';
import type { PagedList } from '@/api/paged';
import { Problem } from '@/api/problem';
import { useAddress } from './address';
import ListFrame from './ListFrame.vue';

interface Row {
  id: number;
  name: string;
}

function listOf(parts: { items?: Row[]; loading?: boolean; problem?: Problem | null }): PagedList<Row> {
  return {
    items: computed(() => parts.items ?? []),
    total: computed(() => parts.items?.length ?? null),
    loading: computed(() => parts.loading ?? false),
    changing: computed(() => false),
    problem: computed(() => parts.problem ?? null),
    hasMore: computed(() => false),
    loadingMore: computed(() => false),
    more: () => undefined,
    again: () => undefined,
  };
}

const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', component: { template: '<p />' } }, { path: '/rows/:id', name: 'row', component: { template: '<p />' } }] });

function show(list: PagedList<Row>, more: Record<string, unknown> = {}) {
  return mount(ListFrame<Row>, {
    attachTo: document.body,
    props: { list, columns: [{ key: 'name', title: '名称', sort: 'name' }], rowKey: (row: Row) => row.id, label: '清单', emptyTitle: '还没有', ...more },
    slots: { 'cell-name': ({ row }: { row: Row }) => h('span', row.name) },
    global: { plugins: [router] },
  });
}
const press = (key: string): boolean => window.dispatchEvent(new KeyboardEvent('keydown', { key, cancelable: true }));

describe('list', () => {
  beforeEach(() => router.replace('/'));

  it('says that it is loading, empty, refused or not allowed', () => {
    expect(show(listOf({ loading: true })).find('[role="status"]').text()).toBe('正在加载…');
    expect(show(listOf({})).text()).toContain('还没有');
    expect(show(listOf({}), { filtered: true }).text()).toContain('清除筛选');
    const refused = show(listOf({ problem: new Problem({ status: 500, code: 'internal', requestId: 'r-77' }) }));
    expect(refused.text()).toContain('r-77');
    expect(refused.text()).toContain('重试');
    expect(show(listOf({ problem: new Problem({ status: 403, code: 'forbidden' }) })).text()).toContain('无权查看');
  });

  it('moves with j and k and opens with Enter', async () => {
    const list = show(listOf({ items: [{ id: 1, name: 'a' }, { id: 2, name: 'b' }] }));
    press('j');
    press('j');
    press('j');
    press('k');
    press('Enter');
    expect(list.emitted('active')?.map(([row]) => (row as Row).id)).toEqual([1, 2, 2, 1]);
    expect(list.emitted('open')?.map(([row]) => (row as Row).id)).toEqual([1]);
    list.unmount();
  });

  it('sorts downwards first, then upwards', async () => {
    const list = show(listOf({ items: [{ id: 1, name: 'a' }] }), { sort: '' });
    await list.find('th button').trigger('click');
    await list.setProps({ sort: '-name' });
    expect(list.find('th').attributes('aria-sort')).toBe('descending');
    await list.find('th button').trigger('click');
    expect(list.emitted('update:sort')).toEqual([['-name'], ['name']]);
    list.unmount();
  });
});

describe('address', () => {
  it('keeps what differs from the default, and only that', async () => {
    const held = ref<ReturnType<typeof useAddress<{ q: string; sort: string }>> | null>(null);
    const view = defineComponent({
      setup() {
        held.value = useAddress({ q: '', sort: '-name' });
        return () => h('p', held.value?.q);
      },
    });
    await router.replace('/?other=1');
    const shown = mount(view, { global: { plugins: [router] } });
    if (held.value === null) throw new Error('nothing was set up');
    held.value.q = 'x';
    held.value.sort = 'name';
    await flushPromises();
    expect(router.currentRoute.value.fullPath).toBe('/?other=1&q=x&sort=name');
    expect(shown.text()).toBe('x');
    held.value.reset();
    await flushPromises();
    expect(router.currentRoute.value.fullPath).toBe('/?other=1');
  });
});
