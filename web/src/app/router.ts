/**
 * Every page's address, who may see it, and the way to the sign-in. Pages are loaded when first opened, but for the one
 * that the application starts with.
 */

import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router';
import type { Permission } from '@/api/types';
import OverviewView from '@/features/overview/OverviewView.vue';
import { loadSession, session, setupNeeded } from '@/features/session/session';

declare module 'vue-router' {
  interface RouteMeta {
    /** Reachable without a session, drawn without the shell. */
    open?: boolean;
    /** Needs a session and is drawn without the shell. */
    bare?: boolean;
    /** Without this permission the page says so instead. */
    permission?: Permission;
    /** Which entry of the navigation is lit. */
    nav?: string;
  }
}

const routes: RouteRecordRaw[] = [
  { path: '/sign-in', name: 'sign-in', component: () => import('@/features/session/SignInView.vue'), meta: { open: true } },
  { path: '/first-run', name: 'first-run', component: () => import('@/features/session/FirstRunView.vue'), meta: { open: true } },
  { path: '/new-password', name: 'new-password', component: () => import('@/features/session/NewPasswordView.vue'), meta: { open: true } },

  { path: '/', name: 'overview', component: OverviewView, meta: { nav: 'overview' } },
  { path: '/wall', name: 'wall', component: () => import('@/features/wall/WallView.vue'), meta: { bare: true } },
  { path: '/alarms', name: 'alarms', component: () => import('@/features/alarms/AlarmDeskView.vue'), meta: { nav: 'alarms' } },
  { path: '/alarms/:id(\\d+)', name: 'alarm', component: () => import('@/features/alarms/AlarmDeskView.vue'), meta: { nav: 'alarms' } },

  { path: '/handovers', name: 'handovers', component: () => import('@/features/handover/HandoversView.vue'), meta: { nav: 'handovers' } },
  { path: '/handovers/:id(\\d+)', name: 'handover', component: () => import('@/features/handover/HandoverView.vue'), meta: { nav: 'handovers' } },
  { path: '/maintenance', name: 'maintenance', component: () => import('@/features/maintenance/MaintenanceView.vue'), meta: { nav: 'maintenance' } },
  { path: '/alarm-metrics', name: 'metrics', component: () => import('@/features/metrics/MetricsView.vue'), meta: { nav: 'metrics' } },

  { path: '/sites', name: 'sites', component: () => import('@/features/sites/SitesView.vue'), meta: { nav: 'sites' } },
  { path: '/sites/:id(\\d+)', name: 'site', component: () => import('@/features/sites/SiteView.vue'), meta: { nav: 'sites' } },
  { path: '/detectors', name: 'detectors', component: () => import('@/features/detectors/DetectorsView.vue'), meta: { nav: 'detectors' } },
  { path: '/detectors/:id(\\d+)', name: 'detector', component: () => import('@/features/detectors/DetectorView.vue'), meta: { nav: 'detectors' } },
  { path: '/detectors/:id(\\d+)/commissioning/:record(\\d+)', name: 'commissioning-record', component: () => import('@/features/commissioning/RecordView.vue'), meta: { nav: 'detectors' } },
  { path: '/detectors/:id(\\d+)/walk', name: 'walk', component: () => import('@/features/walk/WalkView.vue'), meta: { nav: 'detectors', permission: 'alarm.comment' } },
  { path: '/risk', name: 'risk', component: () => import('@/features/risk/RiskView.vue'), meta: { nav: 'risk' } },
  { path: '/findings', name: 'findings', component: () => import('@/features/findings/FindingsView.vue'), meta: { nav: 'findings' } },
  { path: '/commissioning', name: 'commissioning', component: () => import('@/features/commissioning/CommissionView.vue'), meta: { nav: 'commissioning', permission: 'device.admit' } },
  { path: '/pending', name: 'pending', component: () => import('@/features/pending/PendingView.vue'), meta: { nav: 'pending', permission: 'device.admit' } },
  { path: '/profiles', name: 'profiles', component: () => import('@/features/profiles/ProfilesView.vue'), meta: { nav: 'profiles' } },
  { path: '/profiles/:id', name: 'profile', component: () => import('@/features/profiles/ProfileView.vue'), meta: { nav: 'profiles' } },
  { path: '/commands', name: 'commands', component: () => import('@/features/commands/CommandsView.vue'), meta: { nav: 'commands' } },
  { path: '/settings', name: 'settings', component: () => import('@/features/settings/SettingsView.vue'), meta: { nav: 'settings' } },
  { path: '/guidance', name: 'guidance', component: () => import('@/features/guidance/GuidanceView.vue'), meta: { nav: 'guidance', permission: 'settings.edit' } },
  { path: '/people', name: 'people', component: () => import('@/features/people/PeopleView.vue'), meta: { nav: 'people', permission: 'people.manage' } },
  { path: '/telling', name: 'telling', component: () => import('@/features/telling/TellingView.vue'), meta: { nav: 'telling', permission: 'settings.edit' } },
  { path: '/system', name: 'system', component: () => import('@/features/system/SystemView.vue'), meta: { nav: 'system' } },
  { path: '/audit', name: 'audit', component: () => import('@/features/system/AuditView.vue'), meta: { nav: 'audit', permission: 'audit.view' } },
  { path: '/me', name: 'me', component: () => import('@/features/session/MeView.vue'), meta: { nav: 'me' } },

  { path: '/:rest(.*)*', name: 'nowhere', component: () => import('@/app/NowhereView.vue') },
];

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
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
