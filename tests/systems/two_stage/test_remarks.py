import pytest
from hypothesis import given
from hypothesis import strategies as st
from shipped import shipped_of

from edgegym import load_scenario
from edgegym.systems.two_stage.remarks import remarks, unusual

DIGITS = load_scenario("digits")


@pytest.mark.parametrize("name", shipped_of("two-stage"))
def test_a_shipped_scenario_has_no_remark_but_for_measured_smoothness(name):
    found = remarks(load_scenario(name))
    assert len(found) == name.endswith("-measured")
    assert all("1/smoothness" in remark for remark in found)


#: What somebody wrote, what is usual, and what it would be in the unit that was meant.
OTHER_UNITS = [
    ("uplink_gain", [1e-5, 51.7, 60.0], "at most 1", "A loss of 51.7 dB would be 6.76e-06."),
    ("downlink_gain", 50, "at most 1", "A loss of 50 dB would be 1e-05."),
    ("mean_path_gain", 50, "at most 1", "A loss of 50 dB would be 1e-05."),
    ("uplink_bandwidth_hz", 0.1, "at least 1000", "0.1 MHz would be 1e+05."),
    ("downlink_bandwidth_hz", 20, "at least 1000", "20 MHz would be 2e+07."),
    ("server_clock_limit_hz", 1.6, "at least 1e+06", "1.6 GHz would be 1.6e+09."),
    ("device_clock_limit_hz", 360, "at least 1e+06", "360 MHz would be 3.6e+08."),
    ("server_noise_psd_w_per_hz", 174, "at most 1e-09", "-174 dBm/Hz would be 3.98e-21."),
    ("device_noise_psd_w_per_hz", 1e-3, "at most 1e-09", ""),
    ("server_tx_power_w", 1e300, "at most 100", ""),
    ("device_tx_power_peak_limit_w", 27, "at most 10", "27 dBm would be 0.501."),
    ("device_tx_power_mean_limit_w", 23, "at most 10", "23 dBm would be 0.2."),
]


@pytest.mark.parametrize(("key", "value", "rule", "conversion"), OTHER_UNITS)
def test_a_value_in_another_unit_is_remarked_on_and_converted(key, value, rule, conversion):
    changed = DIGITS.replace(**{key: value})
    got = value[1] if isinstance(value, list) else value
    sentence = f"{key} is {got:g}, and {rule} is usual. {conversion}".strip()
    assert unusual(changed) == [sentence]
    assert remarks(changed)[0] == sentence


@pytest.mark.parametrize(
    ("key", "value"),
    [("uplink_gain", [1.0] * 3), ("uplink_bandwidth_hz", 1e3), ("server_clock_limit_hz", 1e6)],
)
def test_the_ends_of_what_is_usual_are_usual(key, value):
    assert unusual(DIGITS.replace(**{key: value})) == []


def test_a_stage_of_which_no_round_fits_is_remarked_on():
    # a device takes 0.0028 s for a sample, the links the rest
    (remark,) = remarks(DIGITS.replace(delay_budget_s=0.1))
    assert remark == (
        "A fine-tuning round takes 0.232 s at full speed on single samples, longer than "
        "delay_budget_s, which is 0.1."
    )
    both = remarks(DIGITS.replace(delay_budget_s=1e-4))
    assert [remark.split(" takes ")[0] for remark in both] == [
        "A pre-training round",
        "A fine-tuning round",
    ]
    assert "takes 0.000625 s" in both[0]  # one sample of 1e6 FLOP at 1.6e9 Hz


def test_a_learning_rate_that_voids_the_theorem_is_remarked_on():
    (remark,) = remarks(DIGITS.replace(learning_rate=0.5))
    assert remark.startswith("learning_rate must be at most 1/smoothness = 0.1 for Theorem 3.1")
    assert "got 0.5" in remark
    exactly = DIGITS.replace(learning_rate=0.125, pretrain_smoothness=8, finetune_smoothness=8)
    assert remarks(exactly) == []


EXTREME = ["downlink_gain", "mean_path_gain", "uplink_bandwidth_hz", "server_noise_psd_w_per_hz"]
EXTREME += ["server_clock_limit_hz", "device_clock_limit_hz", "update_size_bits", "learning_rate"]


@given(st.dictionaries(st.sampled_from(EXTREME), st.floats(1e-300, 1e300), min_size=1))
def test_every_scenario_can_be_remarked_on(changes):
    for remark in remarks(DIGITS.replace(**changes)):
        assert remark.endswith(".") and "nan" not in remark
