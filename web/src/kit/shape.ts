/** Which of the three shapes the window has. */

import { computed, ref } from 'vue';
import { breakpoints } from '@/app/tokens';

export type Shape = 'phone' | 'tablet' | 'pc';

const phone = window.matchMedia(`(max-width: ${breakpoints.phone - 1}px)`);
const pc = window.matchMedia(`(min-width: ${breakpoints.pc}px)`);
const width = ref<Shape>('pc');
function measure(): void {
  width.value = phone.matches ? 'phone' : pc.matches ? 'pc' : 'tablet';
}
measure();
phone.addEventListener('change', measure);
pc.addEventListener('change', measure);

export const windowShape = computed(() => width.value);
export const isPhone = computed(() => width.value === 'phone');
export const isPc = computed(() => width.value === 'pc');
