//! The standard's code tables, for people: names in Chinese as printed, stable keys for the telegram log.

/// A code with its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The code on the wire.
    pub code: u8,
    /// Stable name without language.
    pub key: &'static str,
    /// The standard's name.
    pub name: &'static str,
}

const fn code(code: u8, key: &'static str, name: &'static str) -> Code {
    Code { code, key, name }
}

/// Table 4: types of system. 128 to 255 are the user's.
pub const SYSTEMS: [Code; 17] = [
    code(0, "general", "通用"),
    code(1, "fire_alarm", "火灾报警系统"),
    code(10, "linkage_controller", "消防联动控制器"),
    code(11, "hydrant", "消火栓系统"),
    code(12, "sprinkler", "自动喷水灭火系统"),
    code(13, "gas_extinguishing", "气体灭火系统"),
    code(14, "water_spray_pump", "水喷雾灭火系统(泵启动方式)"),
    code(15, "water_spray_vessel", "水喷雾灭火系统(压力容器启动方式)"),
    code(16, "foam", "泡沫灭火系统"),
    code(17, "dry_powder", "干粉灭火系统"),
    code(18, "smoke_control", "防烟排烟系统"),
    code(19, "fire_doors", "防火门及卷帘系统"),
    code(20, "fire_lift", "消防电梯"),
    code(21, "emergency_broadcast", "消防应急广播"),
    code(22, "emergency_lighting", "消防应急照明和疏散指示系统"),
    code(23, "fire_power", "消防电源"),
    code(24, "fire_telephone", "消防电话"),
];

/// Table 5: types of component. 128 to 255 are the user's.
pub const COMPONENTS: [Code; 66] = [
    code(0, "general", "通用"),
    code(1, "fire_alarm_controller", "火灾报警控制器"),
    code(10, "combustible_gas", "可燃气体探测器"),
    code(11, "point_gas", "点型可燃气体探测器"),
    code(12, "standalone_gas", "独立式可燃气体探测器"),
    code(13, "line_gas", "线型可燃气体探测器"),
    code(16, "electrical_fire_monitor", "电气火灾监控报警器"),
    code(17, "residual_current", "剩余电流式电气火灾监控探测器"),
    code(18, "temperature", "测温式电气火灾监控探测器"),
    code(21, "loop", "探测回路"),
    code(22, "display_panel", "火灾显示盘"),
    code(23, "manual_call_point", "手动火灾报警按钮"),
    code(24, "hydrant_button", "消火栓按钮"),
    code(25, "fire_detector", "火灾探测器"),
    code(30, "heat", "感温火灾探测器"),
    code(31, "point_heat", "点型感温火灾探测器"),
    code(32, "point_heat_s", "点型感温火灾探测器(S型)"),
    code(33, "point_heat_r", "点型感温火灾探测器(R型)"),
    code(34, "line_heat", "线型感温火灾探测器"),
    code(35, "line_heat_s", "线型感温火灾探测器(S型)"),
    code(36, "line_heat_r", "线型感温火灾探测器(R型)"),
    code(37, "fibre_heat", "光纤感温火灾探测器"),
    code(40, "smoke", "感烟火灾探测器"),
    code(41, "ion_smoke", "点型离子感烟火灾探测器"),
    code(42, "photoelectric_smoke", "点型光电感烟火灾探测器"),
    code(43, "beam_smoke", "线型光束感烟火灾探测器"),
    code(44, "aspirating_smoke", "吸气式感烟火灾探测器"),
    code(50, "combined", "复合式火灾探测器"),
    code(51, "smoke_heat", "复合式感烟感温火灾探测器"),
    code(52, "flame_heat", "复合式感光感温火灾探测器"),
    code(53, "flame_smoke", "复合式感光感烟火灾探测器"),
    code(61, "ultraviolet_flame", "紫外火焰探测器"),
    code(62, "infrared_flame", "红外火焰探测器"),
    code(69, "flame", "感光火灾探测器"),
    code(74, "gas", "气体探测器"),
    code(78, "image", "图像摄像方式火灾探测器"),
    code(79, "acoustic", "感声火灾探测器"),
    code(81, "gas_extinguishing_controller", "气体灭火控制器"),
    code(82, "electrical_control", "消防电气控制装置"),
    code(83, "graphic_display", "消防控制室图形显示装置"),
    code(84, "module", "模块"),
    code(85, "input_module", "输入模块"),
    code(86, "output_module", "输出模块"),
    code(87, "input_output_module", "输入/输出模块"),
    code(88, "relay_module", "中继模块"),
    code(91, "fire_pump", "消防水泵"),
    code(92, "fire_water_tank", "消防水箱"),
    code(95, "sprinkler_pump", "喷淋泵"),
    code(96, "water_flow_indicator", "水流指示器"),
    code(97, "signal_valve", "信号阀"),
    code(98, "alarm_valve", "报警阀"),
    code(99, "pressure_switch", "压力开关"),
    code(101, "valve_actuator", "阀驱动装置"),
    code(102, "fire_door", "防火门"),
    code(103, "fire_damper", "防火阀"),
    code(104, "ventilation", "通风空调"),
    code(105, "foam_pump", "泡沫液泵"),
    code(106, "pipe_valve", "管网电磁阀"),
    code(111, "smoke_fan", "防烟排烟风机"),
    code(113, "smoke_damper", "排烟防火阀"),
    code(114, "air_inlet", "常闭送风口"),
    code(115, "smoke_outlet", "排烟口"),
    code(116, "smoke_curtain", "电控挡烟垂壁"),
    code(117, "shutter_controller", "防火卷帘控制器"),
    code(118, "fire_door_monitor", "防火门监控器"),
    code(121, "warning_device", "警报装置"),
];

/// A kind of analog value (table 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Analog {
    /// The code on the wire.
    pub code: u8,
    /// Stable name without language.
    pub key: &'static str,
    /// The standard's name.
    pub name: &'static str,
    /// The unit.
    pub unit: &'static str,
    /// One step is 10^-decimals of the unit.
    pub decimals: u8,
    /// Least value in steps.
    pub least: i16,
    /// Greatest value in steps.
    pub greatest: i16,
}

const fn analog_kind(
    code: u8,
    key: &'static str,
    name: &'static str,
    unit: &'static str,
    decimals: u8,
    (least, greatest): (i16, i16),
) -> Analog {
    Analog { code, key, name, unit, decimals, least, greatest }
}

/// Table 6. 128 to 255 are the user's; the current's step of 0.1 A cannot say a residual current.
pub const ANALOGS: [Analog; 12] = [
    analog_kind(1, "event_count", "事件计数", "件", 0, (0, 32_000)),
    analog_kind(2, "height", "高度", "m", 2, (0, 32_000)),
    analog_kind(3, "temperature", "温度", "℃", 1, (-2_730, 32_000)),
    analog_kind(4, "pressure_mpa", "压力", "MPa", 1, (0, 32_000)),
    analog_kind(5, "pressure_kpa", "压力", "kPa", 1, (0, 32_000)),
    analog_kind(6, "gas_concentration", "气体浓度", "%LEL", 1, (0, 1_000)),
    analog_kind(7, "time", "时间", "s", 0, (0, 32_000)),
    analog_kind(8, "voltage", "电压", "V", 1, (0, 32_000)),
    analog_kind(9, "current", "电流", "A", 1, (0, 32_000)),
    analog_kind(10, "flow", "流量", "L/s", 1, (0, 32_000)),
    analog_kind(11, "air_volume", "风量", "m³/min", 1, (0, 32_000)),
    analog_kind(12, "wind_speed", "风速", "m/s", 0, (0, 20)),
];

/// The type of system with this code.
#[must_use]
pub fn system(code: u8) -> Option<Code> {
    SYSTEMS.into_iter().find(|known| known.code == code)
}

/// The type of component with this code.
#[must_use]
pub fn component(code: u8) -> Option<Code> {
    COMPONENTS.into_iter().find(|known| known.code == code)
}

/// The kind of analog value with this code.
#[must_use]
pub fn analog(code: u8) -> Option<Analog> {
    ANALOGS.into_iter().find(|known| known.code == code)
}

/// The names of the bits that are set in `state`, by the place of each in `names`; reserved ones as `bit_14`.
#[must_use]
pub fn bits(state: u16, names: &[&'static str]) -> String {
    let mut words = Vec::new();
    for bit in 0..16 {
        if state & (1 << bit) != 0 {
            words.push(names.get(bit).map_or_else(|| format!("bit_{bit}"), ToString::to_string));
        }
    }
    words.join(" ")
}

/// Bits of a system's state (type 1), lowest first: what 1 means.
pub const SYSTEM_BITS: [&str; 14] = [
    "running",
    "fire_alarm",
    "fault",
    "shielded",
    "supervisory",
    "started",
    "feedback",
    "delayed",
    "main_power_fault",
    "standby_power_fault",
    "bus_fault",
    "manual",
    "configuration_changed",
    "reset",
];

/// Bits of a component's state (type 2).
pub const COMPONENT_BITS: [&str; 9] = [
    "running",
    "fire_alarm",
    "fault",
    "shielded",
    "supervisory",
    "started",
    "feedback",
    "delayed",
    "power_fault",
];

/// Bits of a transmission device's state (type 21).
pub const DEVICE_BITS: [&str; 7] = [
    "monitoring",
    "fire_alarm",
    "fault",
    "main_power_fault",
    "standby_power_fault",
    "channel_fault",
    "line_fault",
];

/// Bits of an operation of a facility (type 4).
pub const OPERATION_BITS: [&str; 7] =
    ["reset", "mute", "manual_alarm", "alarm_cleared", "self_test", "acknowledge", "test"];

/// Bits of an operation of a transmission device (type 24).
pub const DEVICE_OPERATION_BITS: [&str; 7] =
    ["reset", "mute", "manual_alarm", "alarm_cleared", "self_test", "post_check_answered", "test"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_once_and_in_order() {
        for table in [&SYSTEMS[..], &COMPONENTS[..]] {
            assert!(table.windows(2).all(|pair| pair[0].code < pair[1].code));
        }
        assert!(ANALOGS.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert_eq!(component(17).map(|code| code.key), Some("residual_current"));
        assert_eq!(analog(3).map(|kind| (kind.unit, kind.decimals)), Some(("℃", 1)));
        assert_eq!(component(2), None);
    }

    #[test]
    fn bits_are_named_by_their_place() {
        assert_eq!(bits(0x0003, &COMPONENT_BITS), "running fire_alarm");
        assert_eq!(bits(0x8200, &SYSTEM_BITS), "standby_power_fault bit_15");
        assert_eq!(bits(0, &DEVICE_BITS), "");
    }
}
