//! Hazards and severities in the words of a message, in three languages. The screens have their own.

use domain::hazard::{Hazard, Severity};

/// The text for a language: simplified Chinese, traditional Chinese, or English for any other tag.
pub(super) fn pick<'t>(language: &str, [simplified, traditional, english]: [&'t str; 3]) -> &'t str {
    match language {
        "zh-CN" => simplified,
        "zh-TW" => traditional,
        _ => english,
    }
}

/// A severity in words.
#[must_use]
pub fn severity(severity: Severity, language: &str) -> &'static str {
    pick(
        language,
        match severity {
            Severity::Fault => ["故障", "故障", "Fault"],
            Severity::Warning => ["预警", "預警", "Warning"],
            Severity::Alarm => ["报警", "警報", "Alarm"],
        },
    )
}

/// A hazard in words.
#[must_use]
pub fn hazard(hazard: Hazard, language: &str) -> &'static str {
    pick(
        language,
        match hazard {
            Hazard::ResidualCurrent => ["剩余电流超限", "剩餘電流超限", "residual current too high"],
            Hazard::OverTemperature => ["线缆温度超限", "線纜溫度超限", "conductor too hot"],
            Hazard::OverVoltage => ["过压", "過壓", "voltage too high"],
            Hazard::UnderVoltage => ["欠压", "欠壓", "voltage too low"],
            Hazard::Overload => ["过载", "過載", "overload"],
            Hazard::PhaseLoss => ["缺相", "缺相", "phase lost"],
            Hazard::ShortCircuit => ["短路", "短路", "short circuit"],
            Hazard::ArcFault => ["故障电弧", "故障電弧", "arc fault"],
            Hazard::PowerFailure => ["停电", "停電", "power failure"],
            Hazard::Offline => ["探测器离线", "探測器離線", "detector offline"],
            Hazard::SensorOpen => ["传感器断线", "感測器斷線", "sensor line open"],
            Hazard::SensorShort => ["传感器短路", "感測器短路", "sensor line shorted"],
            Hazard::DeviceFault => ["装置故障", "裝置故障", "device fault"],
            Hazard::Implausible => ["数据异常", "資料異常", "implausible values"],
            Hazard::Frozen => ["数据冻结", "資料凍結", "values frozen"],
            Hazard::ClockWrong => ["装置时钟错误", "裝置時鐘錯誤", "device clock wrong"],
            Hazard::SupplyLost => ["装置失电", "裝置失電", "device supply lost"],
            Hazard::WeakSignal => ["信号弱", "訊號弱", "weak signal"],
            Hazard::SwitchFailed => ["分合闸失败", "分合閘失敗", "breaker did not follow"],
            Hazard::UnassignedAlarm => {
                ["未登记部件报警", "未登記元件警報", "alarm of an unassigned component"]
            }
            Hazard::TemperatureRise => ["温升过快", "溫升過快", "conductor warms too quickly"],
            Hazard::CurrentUnbalance => ["电流不平衡", "電流不平衡", "currents unbalanced"],
            Hazard::VoltageUnbalance => ["电压不平衡", "電壓不平衡", "voltages unbalanced"],
            Hazard::NeutralOverload => ["中性线过载", "中性線過載", "neutral overloaded"],
            Hazard::PhaseSequence => ["相序错误", "相序錯誤", "wrong phase sequence"],
            Hazard::LeakagePerLoad => {
                ["单位负荷泄漏超限", "單位負荷洩漏超限", "residual current follows the load"]
            }
            Hazard::SensorZero => ["读数恒零", "讀數恆零", "reading stays at zero"],
            Hazard::SensorStuck => ["读数不变", "讀數不變", "reading does not move"],
            Hazard::SensorJump => ["读数突跳", "讀數突跳", "reading jumps"],
            Hazard::SensorDrift => ["读数漂移", "讀數漂移", "reading drifts"],
            Hazard::PredictedTerminal => [
                "预测：接线端子松动发热",
                "預測：接線端子鬆動發熱",
                "forecast: a terminal is loosening and heats",
            ],
            Hazard::PredictedInsulation => [
                "预测：绝缘劣化，剩余电流将超限",
                "預測：絕緣劣化，剩餘電流將超限",
                "forecast: insulation ages, residual current will be too high",
            ],
            Hazard::PredictedOverload => [
                "预测：负荷增长，将过载",
                "預測：負荷增長，將過載",
                "forecast: the load grows to an overload",
            ],
        },
    )
}
