# What may be released where. The numbers and names are data (environments.yaml), the rules are here.
#
# Everything is denied unless every rule below was decided and none of them denies. Each reason is a sentence
# that says what is and what is asked, so that a person can act on it.
package qlayer.release

import rego.v1

default allow := false

allow if {
	known
	count(deny) == 0
}

levels := ["none", "V0", "V1", "V2", "V3", "V4", "V5"]

rank(level) := number if {
	some number, name in levels
	name == level
}

asked := data.environments[input.environment]

known if asked

deny contains reason if {
	not known
	names := concat(", ", sort([name | data.environments[name]]))
	reason := concat("", ["there is no environment ", input.environment, "; there are: ", names])
}

# A setting that was left out would switch its rule off, so it denies instead.
settings := [
	"minimum_level", "minimum_signatures", "signers", "scanned", "findings",
	"denied_licences", "unknown_licences", "maximum_age_days",
]

deny contains reason if {
	known
	some name in settings
	object.get(asked, name, "left out") == "left out"
	reason := concat("", ["the policy of ", input.environment, " leaves out ", name, ": add it to environments.yaml"])
}

deny contains reason if {
	not rank(input.level) >= rank(asked.minimum_level)
	reason := concat("", ["the capsule is at level ", input.level, " and ", input.environment, " asks for ", asked.minimum_level, ": prove more of it"])
}

deny contains reason if {
	not input.allowed
	reason := "the capsule's own decision does not allow it: a trusted check failed or something asked for is unproved"
}

trusted := {signer.name | some signer in input.signers; signer.state != "revoked"}

wanted_signers := {name | some name in asked.signers}

deny contains reason if {
	count(trusted) < asked.minimum_signatures
	reason := concat("", [format_int(count(trusted), 10), " trusted signatures are on it and ", input.environment, " asks for ", format_int(asked.minimum_signatures, 10), ": qlayer capsule sign"])
}

deny contains reason if {
	missing := wanted_signers - trusted
	count(missing) > 0
	reason := concat("", [input.environment, " asks for the signature of ", concat(", ", sort(missing))])
}

deny contains reason if {
	asked.scanned
	not input.scanned
	reason := concat("", ["it was not scanned and ", input.environment, " asks for a scan"])
}

deny contains reason if {
	some severity, most in asked.findings
	found := object.get(input.findings, severity, 0)
	found > most
	reason := concat("", [format_int(found, 10), " findings of severity ", severity, " and at most ", format_int(most, 10), " are accepted in ", input.environment])
}

deny contains reason if {
	some licence in input.licences
	some denied in asked.denied_licences
	licence == denied
	reason := concat("", ["the licence ", licence, " is not accepted in ", input.environment, ": replace what brings it"])
}

deny contains reason if {
	not asked.unknown_licences
	input.unlicensed > 0
	reason := concat("", ["the licences of ", format_int(input.unlicensed, 10), " components are unknown: lock them, or name their licences"])
}

deny contains reason if {
	input.age_days > asked.maximum_age_days
	reason := concat("", ["it was made ", format_int(input.age_days, 10), " days ago and ", input.environment, " accepts ", format_int(asked.maximum_age_days, 10), ": regenerate it"])
}
