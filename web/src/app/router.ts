/**
 * Every page's address, who may see it, and the way to the sign-in. Pages are loaded when first opened, but for the one
 * that the application starts with.
 */

import { createRouter, createWebHistory, START_LOCATION, type RouteRecordRaw } from 'vue-router';
import type { Permission } from '@/api/types';
import OverviewView from '@/features/overview/OverviewView.vue';
import { loadSession, session, setupNeeded } from '@/features/session/session';
import { page } from './furnished';

declare module 'vue-router' {
  interface RouteMeta {
    /** Reachable without a session, drawn without the shell. */
    open?: boolean;
    /** Needs a session and is drawn without the shell. */
    bare?: boolean;
    /** Does without the component library and says only the first words: the page that a phone starts with. */
    plain?: boolean;
    /** Without this permission the page says so instead. */
    permission?: Permission;
    /** Which entry of the navigation is lit. */
    nav?: string;
  }
}

const routes: RouteRecordRaw[] = [
  { path: '/sign-in', name: 'sign-in', component: page(() => import('@/features/session/SignInView.vue')), meta: { open: true } },
  { path: '/first-run', name: 'first-run', component: page(() => import('@/features/session/FirstRunView.vue')), meta: { open: true } },
  { path: '/new-password', name: 'new-password', component: page(() => import('@/features/session/NewPasswordView.vue')), meta: { open: true } },

  { path: '/', name: 'overview', component: OverviewView, meta: { nav: 'overview', plain: true } },
  { path: '/wall', name: 'wall', component: page(() => import('@/features/wall/WallView.vue')), meta: { bare: true } },
  { path: '/alarms', name: 'alarms', component: page(() => import('@/features/alarms/AlarmDeskView.vue')), meta: { nav: 'alarms' } },
  { path: '/alarms/:id(\\d+)', name: 'alarm', component: page(() => import('@/features/alarms/AlarmDeskView.vue')), meta: { nav: 'alarms' } },

  { path: '/handovers', name: 'handovers', component: page(() => import('@/features/handover/HandoversView.vue')), meta: { nav: 'handovers' } },
  { path: '/handovers/:id(\\d+)', name: 'handover', component: page(() => import('@/features/handover/HandoverView.vue')), meta: { nav: 'handovers' } },
  { path: '/maintenance', name: 'maintenance', component: page(() => import('@/features/maintenance/MaintenanceView.vue')), meta: { nav: 'maintenance' } },
  { path: '/alarm-metrics', name: 'metrics', component: page(() => import('@/features/metrics/MetricsView.vue')), meta: { nav: 'metrics' } },

  { path: '/sites', name: 'sites', component: page(() => import('@/features/sites/SitesView.vue')), meta: { nav: 'sites' } },
  { path: '/sites/:id(\\d+)', name: 'site', component: page(() => import('@/features/sites/SiteView.vue')), meta: { nav: 'sites' } },
  { path: '/detectors', name: 'detectors', component: page(() => import('@/features/detectors/DetectorsView.vue')), meta: { nav: 'detectors' } },
  { path: '/detectors/:id(\\d+)', name: 'detector', component: page(() => import('@/features/detectors/DetectorView.vue')), meta: { nav: 'detectors' } },
  { path: '/detectors/:id(\\d+)/commissioning/:record(\\d+)', name: 'commissioning-record', component: page(() => import('@/features/commissioning/RecordView.vue')), meta: { nav: 'detectors' } },
  { path: '/detectors/:id(\\d+)/walk', name: 'walk', component: page(() => import('@/features/walk/WalkView.vue')), meta: { nav: 'detectors', permission: 'alarm.comment' } },
  { path: '/risk', name: 'risk', component: page(() => import('@/features/risk/RiskView.vue')), meta: { nav: 'risk' } },
  { path: '/findings', name: 'findings', component: page(() => import('@/features/findings/FindingsView.vue')), meta: { nav: 'findings' } },
  { path: '/commissioning', name: 'commissioning', component: page(() => import('@/features/commissioning/CommissionView.vue')), meta: { nav: 'commissioning', permission: 'device.admit' } },
  { path: '/pending', name: 'pending', component: page(() => import('@/features/pending/PendingView.vue')), meta: { nav: 'pending', permission: 'device.admit' } },
  { path: '/profiles', name: 'profiles', component: page(() => import('@/features/profiles/ProfilesView.vue')), meta: { nav: 'profiles' } },
  { path: '/profiles/:id', name: 'profile', component: page(() => import('@/features/profiles/ProfileView.vue')), meta: { nav: 'profiles' } },
  { path: '/commands', name: 'commands', component: page(() => import('@/features/commands/CommandsView.vue')), meta: { nav: 'commands' } },
  { path: '/settings', name: 'settings', component: page(() => import('@/features/settings/SettingsView.vue')), meta: { nav: 'settings' } },
  { path: '/guidance', name: 'guidance', component: page(() => import('@/features/guidance/GuidanceView.vue')), meta: { nav: 'guidance', permission: 'settings.edit' } },
  { path: '/people', name: 'people', component: page(() => import('@/features/people/PeopleView.vue')), meta: { nav: 'people', permission: 'people.manage' } },
  { path: '/telling', name: 'telling', component: page(() => import('@/features/telling/TellingView.vue')), meta: { nav: 'telling', permission: 'settings.edit' } },
  { path: '/system', name: 'system', component: page(() => import('@/features/system/SystemView.vue')), meta: { nav: 'system' } },
  { path: '/audit', name: 'audit', component: page(() => import('@/features/system/AuditView.vue')), meta: { nav: 'audit', permission: 'audit.view' } },
  { path: '/me', name: 'me', component: page(() => import('@/features/session/MeView.vue')), meta: { nav: 'me' } },

  { path: '/:rest(.*)*', name: 'nowhere', component: page(() => import('@/app/NowhereView.vue')) },
];

export const router = createRouter({
  history: createWebHistory(),
  routes,
  // The first page is at its top already; to scroll it there would have it laid out once more.
  scrollBehavior: (_to, from, saved) => saved ?? (from === START_LOCATION ? false : { top: 0 }),
});

router.beforeEach(async (to) => {
  const known = await loadSession();
  if (known === null) {
    if (to.name === 'sign-in') return (await setupNeeded()) ? { name: 'first-run' } : true;
    if (to.name === 'first-run') return (await setupNeeded()) ? true : { name: 'sign-in' };
    if (await setupNeeded()) return { name: 'first-run' };
    return { name: 'sign-in', query: to.fullPath === '/' ? {} : { next: to.fullPath } };
  }
  if (known.user.must_change_password) return to.name === 'new-password' ? true : { name: 'new-password', query: to.query };
  if (to.meta.open === true) return { name: 'overview' };
  return true;
});

/** Where to go after signing in; only ever inside this application. */
export function nextOf(next: unknown): string {
  return typeof next === 'string' && next.startsWith('/') && !next.startsWith('//') && session.value !== null ? next : '/';
}
