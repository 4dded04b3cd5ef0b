"""Features of the detectors: functions of mono float32 samples and their rate, giving float32."""
