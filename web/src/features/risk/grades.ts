/** How each grade looks: icon, tone and word together. */

import { CircleAlert, OctagonAlert, Shield, TriangleAlert } from '@lucide/vue';
import type { Look } from '@/kit/states';
import type { RiskGrade } from './types';

export const GRADE_LOOK: Record<RiskGrade, Look> = {
  grave: { icon: OctagonAlert, tone: 'alarm', word: 'risk.grade.grave' },
  high: { icon: TriangleAlert, tone: 'warning', word: 'risk.grade.high' },
  moderate: { icon: CircleAlert, tone: 'fault', word: 'risk.grade.moderate' },
  low: { icon: Shield, tone: 'grey', word: 'risk.grade.low' },
};
