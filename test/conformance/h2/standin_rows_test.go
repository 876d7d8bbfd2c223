package h2

// standInDiffers are the cases in which net/http's server does otherwise, and what it does.
var standInDiffers = differences(map[string][]string{
	"resets the stream where Kestrel ends the connection": {
		"HEADERS_Received_PaddingEqualToFramePayloadLength_ConnectionError",
		"HEADERS_Received_PaddingGreaterThanFramePayloadLength_ConnectionError",
		"PRIORITY_Received_StreamDependencyOnSelf_ConnectionError",
		"HEADERS_Received_WithPriority_StreamDependencyOnSelf_ConnectionError",
		"WINDOW_UPDATE_Received_OnStream_SizeIncrementZero_ConnectionError",
		"HEADERS_Received_HeaderBlockContainsDuplicatePseudoHeaderField_ConnectionError",
		"HEADERS_Received_HeaderBlockContainsPseudoHeaderFieldAfterRegularHeaders_ConnectionError",
		"HEADERS_Received_HeaderBlockContainsUnknownPseudoHeaderField_ConnectionError",
		"HEADERS_Received_WithTrailers_EndStreamNotSet_ConnectionError",
		"HEADERS_Received_HeaderNameContainsUpperCaseCharacter_ConnectionError",
		"HEADERS_Received_WithTrailers_ContainsIllegalTrailer_ConnectionError",
		"CONTINUATION_Received_WithTrailers_ContainsIllegalTrailer_ConnectionError",
		"HEADERS_Received_StreamHalfClosedRemote_ConnectionError",
		"DATA_Received_StreamClosed_ConnectionError",
		"DATA_Received_StreamClosedImplicitly_ConnectionError",
		"DATA_Received_NoStreamWindowSpace_ConnectionError",
		"AbortedStream_ResetsAndDrainsRequest_RefusesFramesAfterEndOfStream",
		"AbortedStream_ResetsAndDrainsRequest_RefusesFramesAfterClientReset",
		"AbortedStream_ResetsAndDrainsRequest_RefusesFramesAfterCooldownExpires",
		"Content beyond the connection's window is a connection error",
	},
	"has another error code for it": {
		"RST_STREAM_IncompleteRequest_AdditionalTrailerFrames_ConnectionAborted",
		"HEADERS_Received_StreamClosed_ConnectionError",
		"A stream beyond the limit is refused until another has ended",
		"The header block of a stream that is refused is decoded",
	},
	"ignores it": {
		"RST_STREAM_IncompleteRequest_AdditionalWindowUpdateFrame_ConnectionAborted",
		"PRIORITY_Received_StreamIdEven_ConnectionError",
	},
	"ends the connection without GOAWAY": {
		"HEADERS_Received_PaddingFieldMissing_ConnectionError",
		"DATA_Received_FrameLengthZeroPaddingZero_ConnectionError",
		"CompletionSendsFinalGOAWAY",
		"HEADERS with no room for its priority is a connection error",
	},
	"sends one GOAWAY, which names the last stream, and takes no more": {
		"StopProcessingNextRequestSendsGracefulGOAWAYAndWaitsForStreamsToComplete",
		"StopProcessingNextRequestSendsGracefulGOAWAYThenFinalGOAWAYWhenAllStreamsComplete",
		"A connection without requests ends in two steps when the server stops",
		"A connection whose requests have ended names the last one when the server stops",
		"A server that stops takes no more connections",
		"A request after the final GOAWAY is not served",
	},
	"has no such limit, timeout or data rate": {
		"HEADERS_Received_TooManyHeaders_ConnectionError",
		"HEADERS_Received_MaxRequestLineSize_Reset",
		"HEADERS_ReceivedWithoutAllCONTINUATIONs_WithinRequestHeadersTimeout_AbortsConnection",
		"ResponseDrain_SlowerThanMinimumDataRate_AbortsConnection",
		"DATA_Sent_TooSlowlyDueToSocketBackPressureOnLargeWrite_AbortsConnectionAfterRateTimeout",
		"DATA_Sent_TooSlowlyDueToOutputFlowControlOnLargeWrite_AbortsConnectionAfterRateTimeout",
		"DATA_Received_TooSlowlyOnSmallRead_AbortsConnectionAfterGracePeriod",
		"DATA_Received_TooSlowlyOnLargeRead_AbortsConnectionAfterRateTimeout",
		"Fields larger than the limit are refused",
	},
	"has defaults and frame sizes of its own": {
		"SETTINGS_KestrelDefaults_Sent",
		"SETTINGS_Custom_Sent",
		"SETTINGS_Received_ChangesAllowedResponseMaxFrameSize",
	},
	"takes extended CONNECT only under GODEBUG=http2xconnect=1": {
		"extended_connect_ok",
		"The server says that it takes extended CONNECT",
		"An extended CONNECT carries octets both ways",
		"The end of a tunnel's stream is the end of its octets",
		"A tunnel that the client resets ends with an error",
		"A tunnel keeps to the client's windows",
		"An extended CONNECT may be answered without accepting it",
	},
	"is laxer with fields, or answers 400 instead of a reset": {
		"HEADERS_Received_HeaderBlockContainsConnectionHeader_ConnectionError",
		"HEADERS_Received_InvalidAuthorityWithValidHost_Reset",
		"HEADERS_Received_TwoHosts_StreamReset",
		"Values with space around them are malformed",
		"Fields of the connection are malformed",
		"TE other than trailers is malformed",
		"The application's host is :authority and no field beside it",
		"A :path that is empty or no path is malformed",
		"A :path with spaces or control characters is malformed",
		"A :method that is no token is malformed",
		"A :scheme that is not the connection's is malformed",
		"A content-length that is no number is malformed",
		"Two content-lengths are malformed",
		"Fields of the connection are taken out of responses",
	},
	"leaves a length that does not hold to the handler, or to nobody": {
		"ContentLength_Received_NoDataFrames_Reset",
		"ContentLength_ReceivedInContinuation_NoDataFrames_Reset",
		"ContentLength_Received_SingleDataFrameUnderSize_Reset",
		"ContentLength_Received_MultipleDataFramesUnderSize_Reset",
		"ContentLength_Response_MoreBytesWritten_ThrowsAndResetsStream",
		"ContentLength_Response_NoBytesWritten_Sends500",
		"Trailers that end content which is too short are refused",
	},
	"refuses SETTINGS that repeat themselves or that nobody asked for, or answers several at once": {
		"SETTINGS_ACK_Received_DoesNotSend_ACK",
		"A setting that comes twice has its last value",
		"Each SETTINGS is acknowledged once",
	},
	"has other rules for handlers: OPTIONS * is its own, a panic resets the stream, nothing else aborts a request": {
		"HEADERS_Received_OPTIONSStar_LeftOutOfPath",
		"ApplicationException_BeforeFirstWrite_Sends500",
		"RequestAbort_ThrowsOperationCanceledExceptionFromSubsequentRequestBodyStreamRead",
	},
})

func differences(byReason map[string][]string) map[string]string {
	whys := map[string]string{}
	for why, names := range byReason {
		for _, name := range names {
			whys[name] = why
		}
	}
	return whys
}
