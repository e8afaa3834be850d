/** The entries of the navigation, for the side bar, the tabs and the "more" sheet alike. */

import { Activity, ArrowRightLeft, Bell, Building, ChartColumn, ClipboardList, Construction, Cpu, FileCode, Flame, LayoutDashboard, Megaphone, PlugZap, ScrollText, SendHorizontal, SlidersHorizontal, Stethoscope, Users, Wrench, type LucideIcon } from '@lucide/vue';
import { computed } from 'vue';
import type { Permission } from '@/api/types';
import { can } from '@/features/session/session';

export interface Entry {
  name: string;
  icon: LucideIcon;
  group: 'watch' | 'manage';
  permission?: Permission;
  /** Among the tabs of a phone. */
  tab?: boolean;
}

const ENTRIES: readonly Entry[] = [
  { name: 'overview', icon: LayoutDashboard, group: 'watch', tab: true },
  { name: 'alarms', icon: Bell, group: 'watch', tab: true },
  { name: 'sites', icon: Building, group: 'watch', tab: true },
  { name: 'detectors', icon: Cpu, group: 'watch', tab: true },
  { name: 'findings', icon: Stethoscope, group: 'watch' },
  { name: 'risk', icon: Flame, group: 'watch' },
  { name: 'commands', icon: SendHorizontal, group: 'watch' },
  { name: 'handovers', icon: ArrowRightLeft, group: 'watch' },
  { name: 'maintenance', icon: Construction, group: 'watch' },
  { name: 'metrics', icon: ChartColumn, group: 'manage' },
  { name: 'commissioning', icon: Wrench, group: 'manage', permission: 'device.admit' },
  { name: 'pending', icon: PlugZap, group: 'manage', permission: 'device.admit' },
  { name: 'profiles', icon: FileCode, group: 'manage' },
  { name: 'settings', icon: SlidersHorizontal, group: 'manage' },
  { name: 'guidance', icon: ClipboardList, group: 'manage', permission: 'settings.edit' },
  { name: 'telling', icon: Megaphone, group: 'manage', permission: 'settings.edit' },
  { name: 'people', icon: Users, group: 'manage', permission: 'people.manage' },
  { name: 'audit', icon: ScrollText, group: 'manage', permission: 'audit.view' },
  { name: 'system', icon: Activity, group: 'manage' },
];

export const entries = computed(() => ENTRIES.filter((entry) => entry.permission === undefined || can(entry.permission)));
