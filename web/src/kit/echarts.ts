/** The parts of ECharts that are used, and no others. Imported only by charts, so that pages without one stay light. */

import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { DataZoomComponent, GeoComponent, GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent } from 'echarts/components';
import { connect, registerMap, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

use([BarChart, CanvasRenderer, CustomChart, DataZoomComponent, GeoComponent, GridComponent, LegendComponent, LineChart, MarkAreaComponent, MarkLineComponent, ScatterChart, TooltipComponent]);

export { connect, registerMap };
